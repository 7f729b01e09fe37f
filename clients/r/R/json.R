#' R values as JSON: a vector of one is a single value, NA and NULL are null.
#' @noRd
to_json <- function(fields) {
  unclass(jsonlite::toJSON(plain(fields), auto_unbox = TRUE, null = "null", na = "null", digits = NA))
}

#' Values without classes that JSON does not know: factors, dates, data frames, arrays.
#' @noRd
plain <- function(x) {
  if (is.data.frame(x) || (is.list(x) && !is.object(x))) return(lapply(x, plain))
  if (is.factor(x) || inherits(x, c("Date", "POSIXt"))) return(as.character(x))
  if (is.object(x) && !inherits(x, "AsIs")) unclass(x) else x
}

#' JSON as lists, nothing simplified: an answer has the same form whatever its length.
#' @noRd
parse_json <- function(text) jsonlite::fromJSON(text, simplifyVector = FALSE)

#' The list `x` without its NULLs.
#' @noRd
compact <- function(x) x[!vapply(x, is.null, NA)]

#' Numbers, texts and truths of a list of single values, whose nulls are NA.
#' @noRd
numbers <- function(x) vapply(x, function(v) if (is.null(v)) NA_real_ else as.numeric(v), 0, USE.NAMES = FALSE)

#' @noRd
texts_of <- function(x) vapply(x, function(v) if (is.null(v)) NA_character_ else as.character(v), "", USE.NAMES = FALSE)

#' One field of every entry of a list.
#' @noRd
field <- function(entries, name) lapply(entries, function(entry) entry[[name]])

#' Records of an answer as a tibble: fields of single values are columns, all others list columns.
#' @noRd
records <- function(entries, names = unique(unlist(lapply(entries, base::names)))) {
  columns <- lapply(stats::setNames(names, names), function(name) column_of(field(entries, name)))
  tibble::new_tibble(columns, nrow = length(entries))
}

#' @noRd
column_of <- function(values) {
  there <- values[!vapply(values, is.null, NA)]
  if (!length(there)) return(rep(NA_character_, length(values)))
  single <- all(vapply(there, function(v) is.atomic(v) && length(v) == 1, NA))
  if (!single) return(values)
  if (all(vapply(there, is.logical, NA))) return(vapply(values, function(v) if (is.null(v)) NA else v, NA, USE.NAMES = FALSE))
  if (all(vapply(there, is.numeric, NA))) numbers(values) else texts_of(values)
}
