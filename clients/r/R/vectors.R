# Vectors: base64, matrices, blocks of requests.

LARGE <- 24e6 # bytes of vectors from which they are sent as a file

#' Base64 of little-endian float32 as numbers.
#' @noRd
of_base64 <- function(text) numbers_of(jsonlite::base64_dec(text))

#' Bytes of little-endian float32 as numbers.
#' @noRd
numbers_of <- function(bytes) readBin(bytes, "numeric", length(bytes) %/% 4L, size = 4L, endian = "little")

#' A list of vectors as bytes of little-endian float32, one vector after the other.
#' @noRd
float32 <- function(rows) {
  parts <- lapply(blocks_of(length(rows)), function(block) {
    values <- as.numeric(unlist(rows[block], use.names = FALSE))
    values[is.na(values)] <- NaN
    writeBin(values, raw(), size = 4L, endian = "little")
  })
  unlist(parts) %||% raw()
}

#' The length of the vectors of a table. Signals an error where there are none, or some of different lengths.
#' @noRd
width_of <- function(x) {
  widths <- unique(lengths(x$vector))
  if (!length(widths)) stop_input("embeddings: has no rows; give vectors of one item or more")
  if (length(widths) > 1) stop_input("embeddings: has vectors of ", paste(sort(widths), collapse = " and "), " numbers; keep those of one model")
  widths
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
  width <- if (nrow(x)) width_of(x) else 0L
  out <- matrix(NA_real_, nrow(x), width)
  for (block in blocks_of(nrow(x))) {
    out[block, ] <- matrix(unlist(x$vector[block], use.names = FALSE), ncol = width, byrow = TRUE)
  }
  rownames(out) <- x$id
  out
}

#' @noRd
as_embeddings <- function(x, connection) {
  if (inherits(x, "dg_embeddings")) return(x)
  if (is.character(x) && length(x) == 1 && !is.na(x)) return(dg_read_vectors(x))
  stop_input("embeddings: give a result of dg_embed(), or the path of a .parquet or .npz file of vectors; got a ", class(x)[1])
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
  list(modality = attr(x, "modality"), model = receipt$model, fingerprint = receipt$fingerprint, dimension = width_of(x))
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
    header <- header_of(x)
    if (4 * nrow(x) * header$dimension <= LARGE) return(c(header, list(data = to_base64(float32(x$vector)))))
    path <- tempfile(fileext = ".npy")
    on.exit(unlink(path), add = TRUE)
    write_npy(x$vector, header$dimension, path)
    card <- ask(connection, "POST", "/v1/files", file = path, query = list(name = "vectors.npy"))
    files <<- c(files, card$id)
    c(header, list(file = card$id))
  })
  use(blocks)
}

#' Vectors as numpy's file, in float32.
#' @noRd
write_npy <- function(rows, width, path) {
  header <- sprintf("{'descr': '<f4', 'fortran_order': False, 'shape': (%d, %d), }", length(rows), width)
  padded <- paste0(header, strrep(" ", (64 - (nchar(header) + 11) %% 64) %% 64), "\n")
  connection <- file(path, "wb")
  on.exit(close(connection))
  writeBin(c(as.raw(0x93), charToRaw("NUMPY"), as.raw(c(1, 0))), connection)
  writeBin(nchar(padded), connection, size = 2L, endian = "little")
  writeBin(charToRaw(padded), connection)
  for (block in blocks_of(length(rows))) writeBin(float32(rows[block]), connection)
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
