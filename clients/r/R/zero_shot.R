#' Score images or texts against labels of your own
#'
#' Scores are a softmax over the labels, or with `multi_label` independent.
#' They are not calibrated: compare them with codes of people
#' ([dg_validate()]) before you use them.
#'
#' @inheritParams dg_embed
#' @param labels Two or more labels, such as `c("a cat", "a cup of coffee")`; one is enough with `multi_label`.
#' @param embeddings A result of [dg_embed()] or the path of a `.parquet` file
#'   of vectors, in place of items: other labels then cost no second embedding.
#' @param templates Prompt templates, each with one `{}`. `NULL`: the model's.
#' @param multi_label Whether each label is scored independently.
#' @param negatives Contrasts of `multi_label`. `NULL`: the model's.
#' @param none_of_these A text that competes with the labels, such as
#'   `"something else"`, or a number, the smallest cosine. `label` is NA where it wins.
#' @return A tibble with a row for each item: `id`, `label`, its `score`,
#'   `scores` and `cosines` (list columns in the order of the labels, which
#'   name them), and errors as in [dg_embed()].
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_zero_shot(texts = "a purring kitten", labels = c("a cat", "a rocket"))
dg_zero_shot <- function(images = NULL, labels, texts = NULL, embeddings = NULL, templates = NULL, multi_label = FALSE,
                         negatives = NULL, none_of_these = NULL, model = NULL, decode = NULL, progress = NULL,
                         connection = NULL) {
  connection <- current(connection)
  if (is.data.frame(labels)) stop_input("labels: got a table; give a character vector, such as a column of it")
  if (anyNA(labels)) stop_input("labels: ", sum(is.na(labels)), " of ", length(labels), " are missing (NA); leave them out")
  labels <- as.character(labels)
  none <- if (is.numeric(none_of_these)) list(min_cosine = none_of_these) else if (!is.null(none_of_these)) list(text = none_of_these)
  fields <- compact(list(
    labels = labels, templates = templates, multi_label = if (multi_label) TRUE, negatives = negatives,
    none_of_these = none, model = model %||% connection$model, decode = decode
  ))
  if (inherits(images, "dg_video")) return(video_scores(connection, images, fields, labels, progress))
  given <- if (is.null(embeddings)) items_of(images, texts) else as_embeddings(embeddings, connection)
  sent <- if (is.null(embeddings)) {
    send_items(connection, given, "/v1/zero-shot", fields, function(entry, answer) entry, progress = progress, what = "Labelling")
  } else {
    send_vectors(connection, list(given), "/v1/zero-shot", fields[setdiff(names(fields), c("model", "decode"))], progress)
  }
  named <- function(name) lapply(sent$values, function(e) if (!is.null(e)) stats::setNames(numbers(e[[name]]), labels))
  scores <- named("scores")
  label <- texts_of(field(sent$values, "label"))
  columns <- list(
    label = label,
    score = mapply(function(s, l) if (is.null(s) || is.na(l)) NA_real_ else s[[l]], scores, label, USE.NAMES = FALSE),
    scores = scores, cosines = named("cosines")
  )
  result(
    item_table(sent$items, sent, columns), "dg_zero_shot", whole_answer(sent),
    remarks = c(sent$items$remarks, failed_remark(sent$code), sent$answer$notice), kind = "zero-shot"
  )
}

ROWS <- 2000L # vectors in a request

#' Send vectors in place of items, in parts, and collect the entries of the answers as `send_items` does.
#' @noRd
send_vectors <- function(connection, tables, path, fields, progress = NULL, what = "Vectors") {
  first <- tables[[1]]
  n <- nrow(first)
  out <- new.env()
  values <- vector("list", n)
  out$code <- first$error_code
  out$message <- first$error_message
  out$remark <- first$remark
  starts <- if (n) seq(1L, n, by = ROWS) else integer()
  bar <- bar_of(progress, n, what)
  following <- function() {
    if (!length(starts)) return(NULL)
    places <- seq(starts[1], min(starts[1] + ROWS - 1L, n))
    starts <<- starts[-1]
    blocks <- lapply(tables, function(x) {
      c(header_of(x), list(data = to_base64(float32(x$vector[places]))))
    })
    c(request("POST", path, c(fields, list(vectors = blocks, on_error = "skip"))), list(places = places))
  }
  finish <- function(request, outcome) {
    if (inherits(outcome, "condition")) rlang::cnd_signal(outcome)
    for (entry in outcome$data) {
      i <- request$places[entry$index + 1L]
      if (is.null(entry$error)) {
        values[[i]] <<- entry
      } else if (is.na(out$code[i])) {
        out$code[i] <- entry$error$code
        out$message[i] <- entry$error$message
      }
    }
    outcome$data <- NULL
    out$answer <- out$answer %||% outcome
    tick(bar, length(request$places))
  }
  send(connection, following, finish)
  done(bar)
  c(as.list(out), list(values = values, items = list(ids = first$id, remarks = character())))
}
