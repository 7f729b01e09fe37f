#' Search a corpus by words, images or vectors
#'
#' @param corpus A result of [dg_embed()], or the path of a `.parquet` file of vectors.
#' @param texts,images What is searched for, as for [dg_embed()].
#' @param queries A result of [dg_embed()], in place of these.
#' @param k Number of neighbours of each query.
#' @inheritParams dg_embed
#' @return A tibble with a row for each neighbour: `query`, `rank`, `id` and `cosine`.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' X <- dg_embed(texts = c("a cat", "a kitten", "a car"))
#' dg_search(X, "a purring pet", k = 2)
dg_search <- function(corpus, texts = NULL, images = NULL, queries = NULL, k = 10, progress = NULL, connection = NULL) {
  connection <- current(connection)
  corpus <- as_embeddings(corpus, connection)
  if (is.null(queries)) {
    queries <- dg_embed(images, texts, model = dg_receipt(corpus)$model, progress = progress, connection = connection)
  }
  if (all(!is.na(queries$error_code))) stop_input("nothing can be searched for: ", queries$error_message[1] %||% "there are no queries")
  require_same(corpus, queries)
  shown <- if (is.null(texts) || !is.null(names(texts))) queries$id else unname(texts)
  shown <- shown[is.na(queries$error_code)]
  corpus <- corpus[is.na(corpus$error_code), ]
  failed <- queries[!is.na(queries$error_code), ]
  queries <- queries[is.na(queries$error_code), ]
  answer <- with_blocks(list(corpus), connection, function(blocks) {
    query <- c(header_of(queries), list(data = to_base64(float32(queries$vector))))
    fields <- list(vectors = blocks, ids = I(corpus$id), queries = query, k = k, on_error = "skip")
    ask(connection, "POST", "/v1/search", fields)
  })
  rows <- unlist(lapply(answer$data, function(entry) {
    name <- shown[entry$index + 1L]
    found <- entry$neighbours
    Map(function(n, rank) list(query = name, rank = rank, id = n$id, cosine = n$cosine), found, seq_along(found))
  }), recursive = FALSE)
  rows <- c(rows, Map(function(id, code) list(query = id, error_code = code), failed$id, failed$error_code, USE.NAMES = FALSE))
  result(records(rows, c("query", "rank", "id", "cosine", "error_code")), "dg_search", answer, kind = "search")
}
