# Writing of Parquet: texts, whole numbers and vectors, without compression. The Python client reads these files.

ROW_GROUP <- 2048L
MAGIC <- charToRaw("PAR1")

#' Kinds of columns: physical type, converted type, levels.
#' @noRd
KINDS <- list(
  text = list(type = 6L, converted = 0L), whole = list(type = 2L, converted = NULL), vector = list(type = 4L, converted = NULL)
)

#' Write a Parquet file row group by row group; it appears whole or not at all.
#'
#' @param kinds Kind of each column, by name.
#' @param metadata Named character vector.
#' @param temporary Path at which it is written.
#' @return Functions: `add` takes the columns of a row group, character, double (whole numbers) or raw matrix (bytes of
#'   vectors, a column for each row); `finish` gives the file its name; `abandon` removes what was written.
#' @noRd
parquet_writer <- function(path, kinds, metadata = character(), temporary = paste0(path, ".", Sys.getpid(), ".tmp")) {
  file <- tryCatch(suppressWarnings(file(temporary, "wb")), error = function(e) {
    stop_input("cannot write ", sQuote(path, FALSE), "; check the folder and its permissions")
  })
  open <- TRUE
  place <- writing(MAGIC, file)
  n <- 0
  groups <- list()
  add <- function(columns) {
    chunks <- lapply(names(kinds), function(name) {
      page <- page_of_column(columns[[name]], kinds[[name]])
      chunk <- chunk_of(name, kinds[[name]], page, place)
      place <<- place + writing(page$bytes, file)
      chunk
    })
    rows <- rows_in(columns[[1]])
    size <- sum(vapply(chunks, `[[`, 0, "size"))
    n <<- n + rows
    groups <<- c(groups, list(thrift_struct(
      thrift_list(1L, 12L, lapply(chunks, `[[`, "bytes")), thrift_i64(2L, size), thrift_i64(3L, rows)
    )))
  }
  finish <- function() {
    pairs <- Map(function(key, value) thrift_struct(thrift_text(1L, key), thrift_text(2L, value)), names(metadata), metadata)
    footer <- thrift_struct(
      thrift_i32(1L, 1), thrift_list(2L, 12L, schema_of(kinds)), thrift_i64(3L, n), thrift_list(4L, 12L, groups),
      if (length(pairs)) thrift_list(5L, 12L, unname(pairs)), thrift_text(6L, "daguerre for R 0.1.0")
    )
    end <- c(footer, writeBin(length(footer), raw(), size = 4L, endian = "little"), MAGIC)
    size <- place + writing(end, file)
    close(file)
    open <<- FALSE
    if (!identical(file.size(temporary), as.numeric(size))) {
      stop_input("cannot write ", sQuote(path, FALSE), ": the disk may be full")
    }
    replace_file(temporary, path)
  }
  abandon <- function() {
    if (open) close(file)
    unlink(temporary)
  }
  list(add = add, finish = finish, abandon = abandon)
}

#' Write bytes, and return their number.
#' @noRd
writing <- function(bytes, file) {
  writeBin(bytes, file)
  length(bytes)
}

#' Give a file that is whole its name, in place of an earlier one.
#' @noRd
replace_file <- function(from, to) {
  if (!suppressWarnings(file.rename(from, to))) stop_input("cannot write ", sQuote(to, FALSE), "; check the folder and its permissions")
}

#' Write columns as a Parquet file.
#' @noRd
write_parquet <- function(columns, path, metadata = character()) {
  kinds <- vapply(columns, function(c) if (is.matrix(c)) "vector" else if (is.character(c)) "text" else "whole", "")
  writer <- parquet_writer(path, kinds, metadata)
  on.exit(writer$abandon())
  for (rows in blocks_of(rows_in(columns[[1]]))) {
    writer$add(lapply(columns, function(c) if (is.matrix(c)) c[, rows, drop = FALSE] else c[rows]))
  }
  writer$finish()
  invisible(path)
}

rows_in <- function(column) if (is.matrix(column)) ncol(column) else length(column)

#' The numbers up to n in blocks of a row group.
#' @noRd
blocks_of <- function(n) {
  lapply(if (n) seq(1, n, by = ROW_GROUP) else numeric(), function(start) start:min(start + ROW_GROUP - 1, n))
}

#' @noRd
schema_of <- function(kinds) {
  element <- function(name, type = NULL, repetition = NULL, children = NULL, converted = NULL) {
    thrift_struct(
      if (!is.null(type)) thrift_i32(1L, type), if (!is.null(repetition)) thrift_i32(3L, repetition), thrift_text(4L, name),
      if (!is.null(children)) thrift_i32(5L, children), if (!is.null(converted)) thrift_i32(6L, converted)
    )
  }
  columns <- lapply(names(kinds), function(name) {
    kind <- KINDS[[kinds[[name]]]]
    if (kinds[[name]] != "vector") return(list(element(name, kind$type, 1, converted = kind$converted)))
    list(element(name, NULL, 1, 1, 3), element("list", NULL, 2, 1), element("element", 4, 1))
  })
  c(list(element("schema", children = length(kinds))), unlist(columns, recursive = FALSE))
}

#' A page of a column: its header and its values, with levels that say which are null.
#' @noRd
page_of_column <- function(column, kind) {
  if (kind == "vector") {
    n <- length(column) %/% 4L
    repetition <- levels_of(rep(rep(0:1, c(1L, nrow(column) %/% 4L - 1L)), ncol(column)))
    body <- c(repetition, run_of(3L, n), as.vector(column))
  } else {
    n <- length(column)
    there <- !is.na(column)
    values <- if (kind == "text") plain_texts(column[there]) else plain_whole(column[there])
    body <- c(levels_of(as.integer(there)), values)
  }
  data <- thrift_struct(thrift_i32(1L, n), thrift_i32(2L, 0), thrift_i32(3L, 3), thrift_i32(4L, 3))
  header <- thrift_struct(thrift_i32(1L, 0), thrift_i32(2L, length(body)), thrift_i32(3L, length(body)), thrift_in(5L, data))
  list(bytes = c(header, body), values = n)
}

#' Levels of 0 and 1 in one bit each, with their length before them.
#' @noRd
levels_of <- function(levels) {
  groups <- (length(levels) + 7L) %/% 8L
  bits <- packBits(c(levels, rep(0L, 8L * groups - length(levels))), "raw")
  with_length(c(varint(2 * groups + 1), bits))
}

#' One level, repeated.
#' @noRd
run_of <- function(level, n) with_length(c(varint(2 * n), as.raw(level)))

with_length <- function(bytes) c(writeBin(length(bytes), raw(), size = 4L, endian = "little"), bytes)

#' @noRd
plain_texts <- function(texts) {
  different <- unique(enc2utf8(texts))
  bytes <- lapply(different, function(text) with_length(charToRaw(text)))
  unlist(bytes[match(texts, different)]) %||% raw()
}

#' Whole numbers of 64 bits.
#' @noRd
plain_whole <- function(numbers) {
  high <- floor(numbers / 2^32)
  words <- rbind(numbers - high * 2^32, high)
  words <- ifelse(words >= 2^31, words - 2^32, words)
  words[words == -2^31] <- NA # whose bits are those of this number
  writeBin(as.integer(words), raw(), size = 4L, endian = "little")
}

#' The metadata of a chunk: where its page is.
#' @noRd
chunk_of <- function(name, kind, page, place) {
  path <- if (kind == "vector") c(name, "list", "element") else name
  size <- length(page$bytes)
  meta <- thrift_struct(
    thrift_i32(1L, KINDS[[kind]]$type), thrift_list(2L, 5L, list(zigzag(0), zigzag(3))),
    thrift_list(3L, 8L, lapply(path, thrift_bytes)), thrift_i32(4L, 0), thrift_i64(5L, page$values),
    thrift_i64(6L, size), thrift_i64(7L, size), thrift_i64(9L, place)
  )
  list(bytes = thrift_struct(thrift_i64(2L, place), thrift_in(3L, meta)), size = size)
}
