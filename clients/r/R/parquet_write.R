# Writing of Parquet: texts, whole numbers and vectors, without compression. The Python client reads these files.

ROW_GROUP <- 2048L
MAGIC <- charToRaw("PAR1")

#' Kinds of columns: physical type, converted type, levels.
KINDS <- list(
  text = list(type = 6L, converted = 0L), whole = list(type = 2L, converted = NULL), vector = list(type = 4L, converted = NULL)
)

#' Write columns as a Parquet file, which appears whole or not at all.
#'
#' @param columns Named list of columns: character, double (whole numbers, or raw with 8 bytes a row) or matrix.
#' @param metadata Named character vector.
#' @noRd
write_parquet <- function(columns, path, metadata = character()) {
  temporary <- paste0(path, ".", Sys.getpid(), ".tmp")
  file <- file(temporary, "wb")
  on.exit({
    close(file)
    unlink(temporary)
  })
  writeBin(MAGIC, file)
  place <- 4
  kinds <- vapply(columns, function(c) if (is.matrix(c)) "vector" else if (is.character(c)) "text" else "whole", "")
  n <- if (is.matrix(columns[[1]])) nrow(columns[[1]]) else length(columns[[1]])
  groups <- list()
  for (start in if (n) seq(1L, n, by = ROW_GROUP) else integer()) {
    rows <- start:min(start + ROW_GROUP - 1L, n)
    chunks <- list()
    for (name in names(columns)) {
      column <- columns[[name]]
      page <- page_of_column(if (is.matrix(column)) column[rows, , drop = FALSE] else column[rows], kinds[[name]])
      writeBin(page$bytes, file)
      chunks <- c(chunks, list(chunk_of(name, kinds[[name]], page, place)))
      place <- place + length(page$bytes)
    }
    size <- sum(vapply(chunks, `[[`, 0, "size"))
    groups <- c(groups, list(thrift_struct(
      thrift_list(1L, 12L, lapply(chunks, `[[`, "bytes")), thrift_i64(2L, size), thrift_i64(3L, length(rows))
    )))
  }
  pairs <- Map(function(key, value) thrift_struct(thrift_text(1L, key), thrift_text(2L, value)), names(metadata), metadata)
  footer <- thrift_struct(
    thrift_i32(1L, 1), thrift_list(2L, 12L, schema_of(kinds)), thrift_i64(3L, n), thrift_list(4L, 12L, groups),
    if (length(pairs)) thrift_list(5L, 12L, unname(pairs)), thrift_text(6L, "daguerre for R 0.1.0")
  )
  writeBin(footer, file)
  writeBin(length(footer), file, size = 4L, endian = "little")
  writeBin(MAGIC, file)
  close(file)
  on.exit(unlink(temporary))
  if (!file.rename(temporary, path)) stop_input("cannot write ", sQuote(path, FALSE), "; check the folder")
  invisible(path)
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
    width <- ncol(column)
    n <- length(column)
    repetition <- levels_of(rep(c(0L, rep(1L, width - 1L)), nrow(column)))
    body <- c(repetition, run_of(3L, n), float32(column))
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
  unlist(lapply(enc2utf8(texts), function(text) with_length(charToRaw(text)))) %||% raw()
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
