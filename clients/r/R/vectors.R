# Vectors: base64, matrices, blocks of requests.

LARGE <- 24e6 # bytes of vectors from which they are sent as a file

#' Base64 of little-endian float32 as numbers.
#' @noRd
of_base64 <- function(text) {
  bytes <- jsonlite::base64_dec(text)
  readBin(bytes, "numeric", length(bytes) %/% 4L, size = 4L, endian = "little")
}

#' The rows of a matrix as bytes of little-endian float32.
#' @noRd
float32 <- function(matrix) {
  values <- as.numeric(t(matrix))
  values[is.na(values)] <- NaN
  writeBin(values, raw(), size = 4L, endian = "little")
}

#' @noRd
to_base64 <- function(bytes) gsub("\n", "", jsonlite::base64_enc(bytes), fixed = TRUE)

#' Vectors of a result of [dg_embed()] as a matrix
#'
#' @param x A result of [dg_embed()].
#' @param ... Not used.
#' @return A matrix with a row for each item, named by its id; rows of items
#'   that failed are NA.
#' @export
as.matrix.dg_embeddings <- function(x, ...) {
  rows <- x$vector
  matrix <- matrix(as.numeric(unlist(rows)), nrow = length(rows), byrow = TRUE)
  rownames(matrix) <- x$id
  matrix
}

#' @noRd
as_embeddings <- function(x, connection) {
  if (inherits(x, "dg_embeddings")) return(x)
  if (is.character(x) && length(x) == 1 && !dir.exists(x)) return(dg_read_vectors(x))
  stop_input("embeddings: give a result of dg_embed(), or the path of a .parquet file of vectors")
}

#' Embeddings of what was given: images, texts, or embeddings. A list of one or two tables.
#' @noRd
embedded <- function(images, texts, embeddings, connection, model = NULL, progress = NULL) {
  given <- c(!is.null(images) || !is.null(texts), !is.null(embeddings))
  if (sum(given) != 1) stop_input("give images, texts or both; or embeddings")
  if (given[2]) {
    several <- is.list(embeddings) && !is.data.frame(embeddings)
    return(lapply(if (several) embeddings else list(embeddings), as_embeddings, connection))
  }
  compact(list(
    if (!is.null(images)) dg_embed(images, model = model, connection = connection, progress = progress),
    if (!is.null(texts)) dg_embed(texts = texts, model = model, connection = connection, progress = progress)
  ))
}

#' The block of a request for embeddings, without its numbers.
#' @noRd
header_of <- function(x) {
  receipt <- dg_receipt(x)
  list(
    modality = attr(x, "modality"), model = receipt$model, fingerprint = receipt$fingerprint,
    dimension = length(x$vector[[1]])
  )
}

#' Call `use` with the blocks of embeddings; large ones are files of the server meanwhile.
#' @noRd
with_blocks <- function(tables, connection, use) {
  counts <- vapply(tables, nrow, 0L)
  if (length(unique(counts)) > 1) {
    stop_input("embeddings: ", counts[1], " images and ", counts[2], " texts; give one text for each image")
  }
  files <- character()
  on.exit(for (id in files) try(ask(connection, "DELETE", paste0("/v1/files/", part(id))), silent = TRUE))
  blocks <- lapply(tables, function(x) {
    bytes <- float32(as.matrix(x))
    if (length(bytes) <= LARGE) return(c(header_of(x), list(data = to_base64(bytes))))
    path <- tempfile(fileext = ".npy")
    on.exit(unlink(path), add = TRUE)
    write_npy(bytes, dim(as.matrix(x)), path)
    card <- ask(connection, "POST", "/v1/files", file = path, query = list(name = "vectors.npy"))
    files <<- c(files, card$id)
    c(header_of(x), list(file = card$id))
  })
  use(blocks)
}

#' A matrix of float32 as numpy's file.
#' @noRd
write_npy <- function(bytes, dim, path) {
  header <- sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", dim[1], dim[2])
  padded <- paste0(header, strrep(" ", (64 - (nchar(header) + 11) %% 64) %% 64), "\n")
  connection <- file(path, "wb")
  on.exit(close(connection))
  writeBin(c(as.raw(0x93), charToRaw("NUMPY"), as.raw(c(1, 0))), connection)
  writeBin(nchar(padded), connection, size = 2L, endian = "little")
  writeBin(c(charToRaw(padded), bytes), connection)
}

#' Stop where vectors of two models would be mixed.
#' @noRd
require_same <- function(a, b) {
  if (!identical(dg_receipt(a)$fingerprint, dg_receipt(b)$fingerprint)) {
    rlang::cnd_signal(failure("fingerprint_mismatch", sprintf(
      "vectors of fingerprints %s and %s cannot be compared; embed all items with one model",
      dg_receipt(a)$fingerprint, dg_receipt(b)$fingerprint
    )))
  }
}
