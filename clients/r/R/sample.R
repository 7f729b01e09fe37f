#' Draw a sample for coding
#'
#' @param x A data frame, such as a result of this package, with a row for
#'   each item and a column `id` (or `path`).
#' @param size Number of items.
#' @param strata Column of strata, from each of which items are drawn.
#' @param allocation `"proportional"`, `"equal"` or `"floor"`, for strata.
#' @param scores Column of scores: those with the highest are drawn. Such a
#'   sample is purposive and has no inclusion probabilities.
#' @param embeddings A result of [dg_embed()] of the same items, for `diversity`.
#' @param diversity Number from 0 to 1: items that differ are drawn among those with high scores.
#' @param seed Same seed, same draw.
#' @param ... Further options of `POST /v1/samples`, such as `for_width` in place of `size`, or `floor`.
#' @inheritParams dg_models
#' @return The rows of `x` that were drawn, in random order, with the columns
#'   `inclusion_prob`, which [dg_estimate()] needs, and `stratum`.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_sample(data.frame(id = 1:100, party = c("a", "b")), 10, strata = "party", allocation = "equal")
dg_sample <- function(x, size = NULL, strata = NULL, allocation = NULL, scores = NULL, embeddings = NULL,
                      diversity = NULL, seed = 0, ..., connection = NULL) {
  connection <- current(connection)
  x <- table_of(x, "x")
  ids <- key_column(x, "x")
  design <- if (!is.null(scores) || !is.null(diversity)) "purposive" else if (is.null(strata)) "simple" else "stratified"
  fields <- compact(list(
    design = design, size = size, n = if (is.null(strata) && is.null(scores) && is.null(embeddings)) nrow(x), ids = I(ids),
    strata = if (!is.null(strata)) listed(column_named(x, strata, "strata")), allocation = allocation,
    scores = if (!is.null(scores)) listed(column_named(x, scores, "scores")), diversity = diversity, seed = seed
  ))
  call <- function(blocks) ask(connection, "POST", "/v1/samples", c(fields, compact(list(vectors = blocks)), options_of(...)))
  answer <- if (is.null(embeddings)) call(NULL) else with_blocks(list(as_embeddings(embeddings, connection)), connection, call)
  drawn <- tibble::as_tibble(x)[unlist(answer$indexes) + 1L, ]
  if (length(answer$inclusion_prob)) drawn$inclusion_prob <- numbers(answer$inclusion_prob)
  if (length(answer$stratum)) drawn$stratum <- texts_of(answer$stratum)
  result(drawn, "dg_sampled", answer, receipt = NULL, kind = "sample")
}
