#' Collections of the server
#'
#' Items with vectors and metadata that stay on the server: their list, and a search in one.
#'
#' @param name Name of the collection.
#' @param texts,images What is searched for, as for [dg_embed()].
#' @param queries A result of [dg_embed()], in place of these.
#' @param like Ids of items of the collection, in place of these.
#' @param k Number of neighbours of each query.
#' @param where A condition on the items, by field: `list(year = list(gte = 2020), source = list("in" = c("a", "b")))`.
#' @param exact Whether to compare every vector, also where the collection has an index.
#' @inheritParams dg_embed
#' @return `dg_collections()`: a tibble with a row for each collection. `dg_search_collection()`: a tibble with a row for each
#'   neighbour: `query`, `rank`, `id`, `cosine`, `text`, a column for each field of metadata, and `error_code` for a query that cannot be used.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_collections()
dg_collections <- function(connection = NULL) {
  pages(current(connection), "/v1/collections", c("name", "rows", "model", "dimension", "fingerprint", "fields", "bytes", "created"))
}

#' @rdname dg_collections
#' @export
dg_search_collection <- function(name, texts = NULL, images = NULL, queries = NULL, like = NULL, k = 10, where = NULL,
                                 exact = FALSE, progress = NULL, connection = NULL) {
  connection <- current(connection)
  path <- sprintf("/v1/collections/%s/search", part(name))
  fields <- compact(list(k = k, where = where, exact = if (exact) TRUE))
  if (sum(!is.null(texts) || !is.null(images), !is.null(queries), !is.null(like)) != 1) {
    stop_input("give texts or images; or queries; or like")
  }
  sent <- if (!is.null(like)) {
    answer <- ask(connection, "POST", path, c(fields, list(like = I(as.character(like)))))
    list(values = answer$data, code = rep(NA_character_, length(like)), items = list(ids = as.character(like)), answer = answer)
  } else if (!is.null(queries)) {
    send_vectors(connection, list(as_embeddings(queries, connection)), path, fields, progress)
  } else {
    send_items(connection, items_of(images, texts), path, fields, function(entry, answer) entry, "request", progress, "Searching")
  }
  shown <- if (is.character(texts) && is.null(names(texts))) texts else sent$items$ids
  rows <- unlist(Map(function(query, entry, code) {
    if (!is.na(code)) return(list(list(query = query, error_code = code)))
    unname(Map(function(found, rank) {
      c(list(query = query, rank = rank, id = found$id, cosine = found$cosine, text = found$text), found$metadata)
    }, entry$neighbours, seq_along(entry$neighbours)))
  }, shown, sent$values, sent$code, USE.NAMES = FALSE), recursive = FALSE)
  metadata <- setdiff(unique(unlist(lapply(rows, base::names))), c("query", "rank", "id", "cosine", "text", "error_code"))
  result(records(rows, c("query", "rank", "id", "cosine", "text", metadata, "error_code")), "dg_search", sent$answer, remarks = failed_remark(sent$code))
}
