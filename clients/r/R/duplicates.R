#' Find duplicates
#'
#' @inheritParams dg_zero_shot
#' @param kind `"near"` (perceptual hashes of images), `"exact"` (equal files),
#'   or `"semantic"` (vectors, of texts too).
#' @param threshold Largest distance, or smallest cosine, of duplicates. `NULL`: the server's.
#' @param ... Further options of `POST /v1/duplicates`, such as `linkage` or `method`.
#' @return A tibble with a row for each item: `id`, `group` (NA: no duplicate),
#'   `kept` (whether it is the one of its group, or alone), `similarity` to that one, and errors as in [dg_embed()].
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_duplicates(texts = c("a cat", "a cat", "a car"), kind = "semantic")
dg_duplicates <- function(images = NULL, texts = NULL, embeddings = NULL, kind = c("near", "exact", "semantic"),
                          threshold = NULL, ..., model = NULL, progress = NULL, connection = NULL) {
  connection <- current(connection)
  kind <- match.arg(kind)
  options <- c(compact(list(kind = kind, threshold = threshold)), options_of(...))
  if (kind == "semantic") {
    tables <- embedded(images, texts, embeddings, connection, model, progress)
    sent <- list(code = tables[[1]]$error_code, message = tables[[1]]$error_message)
    ids <- tables[[1]]$id
    job <- with_blocks(tables, connection, function(blocks) {
      fields <- c(list(vectors = blocks, ids = I(ids), on_error = "skip"), options)
      run_job(connection, "/v1/duplicates", fields, progress, "Comparing")
    })
    good <- seq_along(ids)
  } else {
    if (is.null(images)) stop_input("images: ", kind, " duplicates are of images; kind = \"semantic\" takes texts and embeddings")
    given <- images_of(images)
    asked <- list(miniature = if (kind == "near") TRUE else FALSE)
    sent <- send_items(connection, given, "/v1/images", asked, function(entry, answer) entry, "request", progress, "Reading")
    ids <- given$ids
    good <- which(is.na(sent$code))
    if (!length(good)) stop_input("images: none of the ", length(ids), " images can be used; ", sent$message[1])
    hash <- if (kind == "exact") "sha256" else "phash"
    fields <- c(
      list(ids = I(ids[good])), stats::setNames(list(as.list(unlist(field(sent$values[good], hash)))), hash),
      if (kind == "near") compared_fields(sent$values[good]), options
    )
    job <- run_job(connection, "/v1/duplicates", fields, progress, "Comparing")
  }
  answer <- ask(connection, "GET", paste0("/v1/duplicates/", part(job$id)))
  table <- tibble::tibble(
    id = ids, group = NA_integer_, kept = is.na(sent$code), similarity = NA_real_,
    error_code = sent$code, error_message = sent$message
  )
  for (i in seq_along(answer$groups)) {
    group <- answer$groups[[i]]
    members <- good[unlist(group$members) + 1L]
    table$group[members] <- i - 1L
    table$similarity[members] <- numbers(group$similarity)
    table$kept[members] <- members == good[group$representative + 1L]
  }
  result(table, "dg_duplicates", answer, remarks = c(texts_of(answer$remarks), failed_remark(sent$code)), kind = "duplicates")
}

MINIATURES <- 10000L # that are sent in one request

#' Fields of images for near duplicates: the largest of a group is kept, and groups are compared block by block.
#' @noRd
compared_fields <- function(entries) {
  sizes <- numbers(field(entries, "width")) * numbers(field(entries, "height"))
  small <- lapply(field(entries, "miniature"), function(each) each %||% "")
  c(list(preference = as.list(sizes)), if (length(entries) <= MINIATURES) list(miniatures = small))
}
