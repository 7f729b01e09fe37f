#' Embed images or texts
#'
#' Each item becomes a vector of length 1. The same item gives the same
#' vector, whatever else is sent with it, and the same as in Python, to the
#' bit. Vectors can be compared only if the fingerprints of their receipts are
#' equal.
#'
#' @param images A folder, paths, a pattern such as `"photos/*.jpg"`, a list
#'   of raw vectors with the bytes of image files, or a video of [dg_video()]. Names are ids; without
#'   them, the id of a file is its path relative to the folder that was given.
#' @param texts A character vector, in place of images. Names are ids.
#' @param model Name of a model of [dg_models()]. `NULL`: the connection's, or the server's.
#' @param decode `"exact"`, or `"scaled"`, which is faster for large JPEGs and
#'   gives vectors of another fingerprint.
#' @param progress Whether to show a progress bar. `NULL`: in interactive sessions.
#' @inheritParams dg_models
#' @return A tibble with a row for each item: `id`, `vector` (a list column;
#'   `as.matrix()` gives a matrix), `error_code` and `error_message` of items that cannot be
#'   used, and `remark`.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' X <- dg_embed(texts = c(a = "a street protest", b = "a press conference"))
#' tcrossprod(as.matrix(X)) # cosines
dg_embed <- function(images = NULL, texts = NULL, model = NULL, decode = NULL, progress = NULL, connection = NULL) {
  connection <- current(connection)
  if (inherits(images, "dg_video")) {
    fields <- compact(list(model = model %||% connection$model, decode = decode))
    return(video_embeddings(connection, images, fields, progress))
  }
  given <- items_of(images, texts)
  sent <- embed_items(connection, given, model, decode, progress)
  embeddings_of(given, sent)
}

#' @noRd
embed_items <- function(connection, given, model, decode, progress, ...) {
  fields <- list(model = model %||% connection$model, decode = decode, encoding_format = "base64")
  send_items(
    connection, given, "/v1/embeddings", compact(fields), function(entry, answer) of_base64(entry$embedding),
    progress = progress, what = "Embedding", ...
  )
}

#' @noRd
embeddings_of <- function(given, sent) {
  width <- max(0L, lengths(sent$values))
  absent <- vapply(sent$values, is.null, NA)
  sent$values[absent] <- list(rep(NA_real_, width))
  result(
    item_table(given, sent, list(vector = sent$values)), "dg_embeddings",
    receipt = sent$answer$receipt, remarks = c(given$remarks, failed_remark(sent$code)), modality = given$modality
  )
}
