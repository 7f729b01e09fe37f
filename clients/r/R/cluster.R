#' Cluster items
#'
#' @inheritParams dg_zero_shot
#' @param method `"iterative"` (k-means as published, for unknown numbers of
#'   clusters), `"kmeans"`, or another of `POST /v1/clusters`. `NULL`: the server's default.
#' @param k Number of clusters, for `"kmeans"`.
#' @param vocabulary Candidate names of clusters.
#' @param ... Further options of `POST /v1/clusters`, such as `threshold`, `known`, `seed`.
#' @return A tibble with a row for each item: `id`, `cluster` (-1: in none),
#'   `silhouette`, and coordinates `x` and `y` of a map. `summary()` has a row for each cluster.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_cluster(texts = c("a cat", "a kitten", "a car", "a truck"), method = "kmeans", k = 2)
dg_cluster <- function(images = NULL, texts = NULL, embeddings = NULL, method = NULL, k = NULL, vocabulary = NULL, ...,
                       model = NULL, progress = NULL, connection = NULL) {
  connection <- current(connection)
  tables <- embedded(images, texts, embeddings, connection, model, progress)
  options <- c(compact(list(method = method, k = k, vocabulary = vocabulary)), options_of(...))
  job <- with_blocks(tables, connection, function(blocks) {
    fields <- c(list(vectors = blocks, ids = I(tables[[1]]$id), on_error = "skip"), options)
    run_job(connection, "/v1/clusters", fields, progress, "Clustering")
  })
  answer <- ask(connection, "GET", paste0("/v1/clusters/", part(job$id)))
  at <- function(i) if (length(answer$coordinates)) numbers(lapply(answer$coordinates, `[[`, i)) else NA_real_
  table <- tibble::tibble(
    id = texts_of(answer$ids), cluster = as.integer(unlist(answer$labels)), silhouette = numbers(answer$silhouettes),
    x = at(1), y = at(2)
  )
  places <- match(table$id, tables[[1]]$id)
  table$error_code <- tables[[1]]$error_code[places]
  table$error_message <- tables[[1]]$error_message[places]
  result(table, "dg_clusters", answer)
}

#' @export
summary.dg_clusters <- function(object, ...) {
  clusters <- dg_answer(object)$clusters
  table <- records(clusters, c("id", "size", "silhouette", "jaccard"))
  table$medoid <- object$id[unlist(field(clusters, "medoid")) + 1L]
  table$names <- vapply(clusters, function(c) paste(unlist(field(utils::head(c$names, 3), "label")), collapse = ", "), "")
  table
}
