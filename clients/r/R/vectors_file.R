#' Files of vectors
#'
#' Parquet files with the columns of the Python client, which reads them, and
#' the other way round: `id`, `sha256`, `size`, `mtime_ns`, `vector`,
#' `error_code`, `error_message`, `model`, `revision`, `fingerprint`, `modality`, `remark`.
#' No other package is needed, but for files of the Python client before R 4.5: the program zstd,
#' or the package arrow.
#'
#' @param x A result of [dg_embed()].
#' @param path Path of a `.parquet` file.
#' @return `dg_read_vectors()`: as [dg_embed()]. `dg_write_vectors()`: the path, invisibly.
#' @export
#' @examples
#' path <- system.file("extdata", "vectors.parquet", package = "daguerre")
#' dg_read_vectors(path)
dg_read_vectors <- function(path) {
  read <- read_vectors(path)
  columns <- read$columns
  vectors <- columns$vector
  receipt <- read$receipt
  vectors[is.nan(vectors)] <- NA_real_
  table <- tibble::tibble(
    id = columns$id, vector = lapply(seq_len(nrow(vectors)), function(i) vectors[i, ]),
    error_code = columns$error_code %||% NA_character_, error_message = columns$error_message %||% NA_character_,
    remark = columns$remark %||% NA_character_
  )
  modality <- unique(stats::na.omit(columns$modality))
  result(table, "dg_embeddings", receipt = receipt, remarks = failed_remark(table$error_code), modality = modality[1] %|na|% "image")
}

#' Columns and receipt of a file of vectors.
#' @noRd
read_vectors <- function(path) {
  read <- tryCatch(read_parquet(path), daguerre_error_input = function(e) {
    if (!requireNamespace("arrow", quietly = TRUE) || !file.exists(path)) rlang::cnd_signal(e)
    by_arrow(path)
  })
  columns <- read$columns
  needed <- c("id", "vector", "model", "fingerprint")
  if (!all(needed %in% names(columns))) {
    stop_input(sQuote(path, FALSE), " is no file of vectors: it has columns ", paste(names(columns), collapse = ", "), code = "foreign_file")
  }
  fingerprint <- unique(stats::na.omit(columns$fingerprint))
  if (length(fingerprint) > 1) {
    rlang::cnd_signal(failure("fingerprint_mismatch", sprintf(
      "%s has vectors of %d fingerprints, which must not be mixed: keep the rows of one", path, length(fingerprint)
    )))
  }
  made <- if (!is.null(read$metadata$daguerre)) parse_json(read$metadata$daguerre)
  read$receipt <- if (identical(made$fingerprint, fingerprint) || !length(fingerprint)) made else list(
    model = columns$model[1], revision = columns$revision[1], fingerprint = fingerprint
  )
  read
}

#' @noRd
by_arrow <- function(path) {
  table <- arrow::read_parquet(path, as_data_frame = FALSE)
  columns <- as.list(as.data.frame(table))
  columns$vector <- do.call(rbind, lapply(columns$vector, as.numeric))
  list(columns = columns, metadata = table$metadata)
}

#' @rdname dg_read_vectors
#' @export
dg_write_vectors <- function(x, path) {
  if (!inherits(x, "dg_embeddings")) stop_input("x: give a result of dg_embed()")
  none <- rep(NA_character_, nrow(x))
  rows <- list(id = x$id, sha256 = none, size = as.numeric(none), mtime_ns = as.numeric(none))
  write_vectors(c(rows, x[c("error_code", "error_message", "remark")]), as.matrix(x), dg_receipt(x), attr(x, "modality"), path)
}

#' @noRd
write_vectors <- function(rows, vectors, receipt, modality, path) {
  n <- length(rows$id)
  same <- function(value) rep(value %||% NA_character_, n)
  columns <- list(
    id = enc2utf8(rows$id), sha256 = rows$sha256, size = rows$size, mtime_ns = rows$mtime_ns, vector = unname(vectors),
    error_code = rows$error_code, error_message = rows$error_message, model = same(receipt$model),
    revision = same(receipt$revision), fingerprint = same(receipt$fingerprint), modality = same(modality), remark = rows$remark
  )
  write_parquet(columns, path, c(daguerre = to_json(receipt)))
}
