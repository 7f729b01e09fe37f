#' Options of a request that are passed on as they are. Each has a name.
#' @noRd
options_of <- function(...) {
  given <- list(...)
  if (length(given) && (is.null(names(given)) || any(!nzchar(names(given))))) {
    stop_input("options that are passed on have names, such as seed = 1")
  }
  compact(given)
}

#' The places of `keys` among ids: the same, or the end of a path. NA where there is none.
#' @noRd
places_of <- function(keys, ids) {
  keys <- gsub("\\", "/", as.character(keys), fixed = TRUE)
  found <- match(keys, ids)
  for (i in which(is.na(found))) {
    hits <- which(endsWith(keys[i], paste0("/", ids)) | endsWith(ids, paste0("/", keys[i])))
    if (length(hits) == 1) found[i] <- hits
    if (length(hits) > 1) {
      stop_input(sprintf("%s names %d items, %s and %s; give ids that tell them apart",
        sQuote(keys[i], FALSE), length(hits), sQuote(ids[hits[1]], FALSE), sQuote(ids[hits[2]], FALSE)))
    }
  }
  found
}

KEYS <- c("id", "item", "path")

#' The ids of a table: its column id, item or path.
#' @noRd
key_column <- function(table, name) {
  key <- intersect(KEYS, names(table))
  if (!length(key)) {
    stop_input(name, ": needs a column id, item or path; it has ", paste(names(table), collapse = ", "))
  }
  ids <- as.character(table[[key[1]]])
  lacking <- is.na(ids) | !nzchar(ids)
  if (any(lacking)) {
    stop_input(sprintf(
      "%s: %d of %d rows have no value in the column %s, the first is row %d; give each one, or leave the row out",
      name, sum(lacking), length(ids), key[1], which(lacking)[1]
    ))
  }
  ids
}

#' A column of a table.
#' @noRd
column_named <- function(table, name, what) {
  if (!is.character(name) || length(name) != 1 || !name %in% names(table)) {
    stop_input(what, ": there is no column ", deparse1(name), "; the table has ", paste(names(table), collapse = ", "))
  }
  table[[name]]
}

#' A table from a data frame or the path of a .csv file.
#' @noRd
table_of <- function(x, name) {
  if (is.data.frame(x)) return(x)
  if (!is.character(x) || length(x) != 1 || !file.exists(x)) stop_input(name, ": give a data frame, or the path of a .csv file")
  utils::read.csv(x, colClasses = "character", na.strings = c("", "NA"), check.names = FALSE, fileEncoding = "UTF-8-BOM")
}

#' Values without a class that JSON lacks: texts, numbers, truths.
#' @noRd
column <- function(x) if (is.factor(x) || inherits(x, c("Date", "POSIXt"))) as.character(x) else x

#' A list that JSON writes as a list, even of one.
#' @noRd
listed <- function(x) I(column(unname(x)))
