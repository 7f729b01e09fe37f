#' Files of vectors
#'
#' Parquet files with the columns of the Python client, which reads them, and
#' the other way round: `id`, `sha256`, `size`, `mtime_ns`, `vector`,
#' `error_code`, `error_message`, `model`, `revision`, `fingerprint`, `modality`, `remark`.
#' No other package is needed, but for files of the Python client before R 4.5: the program zstd,
#' or the package arrow. Files of `daguerre embed -o vectors.npz` are read too.
#'
#' @param x A result of [dg_embed()].
#' @param path Path of a `.parquet` file; for reading, of a `.npz` file too.
#' @return `dg_read_vectors()`: as [dg_embed()]. `dg_write_vectors()`: the path, invisibly.
#' @export
#' @examples
#' path <- system.file("extdata", "vectors.parquet", package = "daguerre")
#' dg_read_vectors(path)
dg_read_vectors <- function(path) {
  if (!is.character(path) || length(path) != 1 || is.na(path)) stop_input("path: give the path of a .parquet or .npz file")
  if (grepl("\\.npz$", path, ignore.case = TRUE)) return(read_npz(path))
  stored <- stored_vectors(path)
  names <- c("id", "error_code", "error_message", "remark", "modality", "vector")
  parts <- lapply(seq_along(stored$rows), function(i) {
    columns <- stored$read(i, names)
    columns$vector <- vector_rows(columns$vector)
    columns
  })
  get <- function(name, or = NA_character_) unlist(field(parts, name), recursive = FALSE) %||% rep(or, sum(stored$rows))
  table <- tibble::tibble(
    id = as.character(get("id")), vector = get("vector", list(NULL)), error_code = get("error_code"),
    error_message = get("error_message"), remark = get("remark")
  )
  modality <- unique(stats::na.omit(get("modality")))
  result(
    table, "dg_embeddings", receipt = stored$receipt, remarks = failed_remark(table$error_code),
    modality = modality[1] %|na|% "image"
  )
}

#' Bytes of vectors as a list of numbers, NA for those that are not there.
#' @noRd
vector_rows <- function(bytes) {
  values <- numbers_of(bytes)
  values[is.nan(values)] <- NA_real_
  width <- nrow(bytes) %/% 4L
  lapply(seq_len(ncol(bytes)), function(i) values[seq((i - 1) * width + 1, length.out = width)])
}

NEEDED <- c("id", "vector", "model", "fingerprint")

#' A file of vectors that is read row group by row group: their numbers of `rows`, its `receipt`, and a function `read`.
#' @noRd
stored_vectors <- function(path) {
  parquet <- parquet_file(path)
  if (!all(NEEDED %in% names(parquet$schema))) {
    stop_input(
      sQuote(path, FALSE), " is no file of vectors: it has columns ", paste(names(parquet$schema), collapse = ", "),
      code = "foreign_file"
    )
  }
  read <- function(i, names) read_group(parquet, i, names)
  rows <- parquet$rows
  own <- tryCatch(receipts_in(read, rows), daguerre_error_input = function(e) {
    if (!requireNamespace("arrow", quietly = TRUE)) rlang::cnd_signal(e)
    NULL
  })
  if (is.null(own)) { # arrow reads what is not read here, all at once
    columns <- by_arrow(path)
    read <- function(i, names) columns[intersect(names, base::names(columns))]
    rows <- length(columns$id)
    own <- receipts_in(read, rows)
  }
  if (length(own) > 1) {
    rlang::cnd_signal(failure("fingerprint_mismatch", sprintf(
      "%s has vectors of %d fingerprints, which must not be mixed: keep the rows of one", path, length(own)
    )))
  }
  made <- if (!is.null(parquet$metadata$daguerre)) parse_json(parquet$metadata$daguerre)
  list(path = path, rows = rows, read = read, receipt = if (!length(own) || identical(made$fingerprint, own[[1]]$fingerprint)) made else own[[1]])
}

#' What the columns of a file say of the models of its vectors: a list of one of each fingerprint.
#' @noRd
receipts_in <- function(read, rows) {
  different <- lapply(seq_along(rows), function(i) unique(as.data.frame(read(i, c("model", "revision", "fingerprint")))))
  table <- do.call(rbind, different)
  table <- table[!is.na(table$fingerprint) & !duplicated(table$fingerprint), , drop = FALSE]
  lapply(seq_len(NROW(table)), function(i) as.list(table[i, , drop = FALSE]))
}

#' @noRd
by_arrow <- function(path) {
  columns <- as.list(as.data.frame(arrow::read_parquet(path, as_data_frame = FALSE)))
  vectors <- lapply(columns$vector, as.numeric)
  width <- max(0L, lengths(vectors))
  vectors[lengths(vectors) == 0] <- list(rep(NaN, width))
  columns$vector <- float32(vectors)
  dim(columns$vector) <- c(4L * width, length(vectors))
  columns
}

#' @rdname dg_read_vectors
#' @export
dg_write_vectors <- function(x, path) {
  if (!inherits(x, "dg_embeddings")) stop_input("x: give a result of dg_embed()")
  if (!nrow(x) || width_of(x) == 0) stop_input("x: no item of it has a vector")
  writer <- vectors_writer(path, dg_receipt(x), attr(x, "modality"))
  on.exit(writer$abandon())
  for (block in blocks_of(nrow(x))) {
    vectors <- float32(x$vector[block])
    dim(vectors) <- c(4L * width_of(x), length(block))
    writer$add(c(lapply(x[block, c("id", "error_code", "error_message", "remark")], as.character), list(vector = vectors)))
  }
  writer$finish()
  invisible(path)
}

#' A writer of files of vectors, whose `add` takes the columns of a row group, at least id and vector.
#' @noRd
vectors_writer <- function(path, receipt, modality, ...) {
  text <- c("id", "sha256", "error_code", "error_message", "model", "revision", "fingerprint", "modality", "remark")
  names <- append(append(text, c("size", "mtime_ns"), 2), "vector", 4)
  kinds <- c(rep("text", 9), rep("whole", 2), "vector")
  kinds <- stats::setNames(kinds, c(text, "size", "mtime_ns", "vector"))[names]
  same <- list(
    model = receipt$model, revision = receipt$revision, fingerprint = receipt$fingerprint, modality = modality
  )
  writer <- parquet_writer(path, kinds, c(daguerre = to_json(receipt)), ...)
  add <- writer$add
  writer$add <- function(columns) {
    n <- length(columns$id)
    for (name in base::names(same)) columns[[name]] <- rep(same[[name]] %||% NA_character_, n)
    for (name in setdiff(names, base::names(columns))) columns[[name]] <- rep(if (kinds[[name]] == "whole") NA_real_ else NA_character_, n)
    add(columns)
  }
  writer
}
