#' Train a classifier on codes
#'
#' The server embeds the items, trains a linear probe with cross-validation,
#' and keeps the classifier and its report under a name. An existing name gets
#' a new version.
#'
#' @inheritParams dg_zero_shot
#' @param name Name of the classifier: lower-case letters, digits, `-`, `_`, `.`.
#' @param targets Codes of the items: a vector in their order, or one with the
#'   ids of items as names (others are then not coded), or a data frame with the columns `id` (or `path`) and `target` (or `code`).
#' @param codes Codes of several coders, in place of `targets`: a table as for [dg_validate()].
#' @param coders Columns of the coders in a wide table of codes.
#' @param ... Further options of `POST /v1/classifiers`, such as `task`,
#'   `folds`, `groups`, `inclusion_prob`, `balanced`, `seed`.
#' @return A classifier. Printed, it shows its figures from cross-validation;
#'   `tibble::as_tibble()` gives them as a table. See [dg_predict()] and [dg_report()].
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' texts <- c("a cat", "a kitten", "cats", "the cat", "a dog", "a puppy", "dogs", "the dog")
#' species <- rep(c("cat", "dog"), each = 4)
#' dg_train("pets", texts = texts, targets = species, folds = 2, inner_folds = 2)
dg_train <- function(name, images = NULL, targets = NULL, texts = NULL, embeddings = NULL, codes = NULL, coders = NULL,
                     ..., model = NULL, progress = NULL, connection = NULL) {
  connection <- current(connection)
  if (is.null(targets) == is.null(codes)) stop_input("give targets, or codes of several coders")
  tables <- embedded(images, texts, embeddings, connection, model, progress)
  ids <- tables[[1]]$id
  coded <- if (is.null(codes)) {
    list(targets = listed(targets_of(targets, ids)))
  } else {
    rows <- code_rows(codes, coders)
    places <- places_of(unlist(rows$item), ids)
    rows$item <- as.list(ids[places])
    list(codes = lapply(rows[c("coder", "item", "code")], function(column) column[!is.na(places)]))
  }
  job <- with_blocks(tables, connection, function(blocks) {
    fields <- c(list(name = name, vectors = blocks, ids = I(ids), on_error = "skip"), coded, options_of(...))
    run_job(connection, "/v1/classifiers", fields, progress, "Training")
  })
  dg_classifier(job$result$classifier, connection = connection)
}

#' Codes in the order of items; NA where one is not coded.
#' @noRd
targets_of <- function(targets, ids) {
  if (is.data.frame(targets)) {
    name <- intersect(c("target", "code", "label"), names(targets))
    if (!length(name)) stop_input("targets: needs a column target or code; it has ", paste(names(targets), collapse = ", "))
    targets <- stats::setNames(column(targets[[name[1]]]), key_column(targets, "targets"))
  }
  targets <- if (is.factor(targets)) stats::setNames(as.character(targets), names(targets)) else targets
  if (is.null(names(targets))) {
    if (length(targets) != length(ids)) {
      stop_input(sprintf("targets: has %d codes for %d items; give one for each, or names", length(targets), length(ids)))
    }
    return(targets)
  }
  places <- places_of(names(targets), ids)
  if (all(is.na(places))) {
    stop_input(sprintf("targets: none of their names is an item; they have %s, the items have %s", names(targets)[1], ids[1]))
  }
  out <- targets[NA_integer_][rep(1, length(ids))]
  out[places[!is.na(places)]] <- targets[!is.na(places)]
  unname(out)
}

#' @rdname dg_train
#' @export
dg_classifier <- function(name, connection = NULL) {
  connection <- current(connection)
  answer <- ask(connection, "GET", paste0("/v1/classifiers/", part(name)))
  remarks <- texts_of(field(answer$report$notes, "message"))
  for (remark in unique(remarks)) warn_remark(remark)
  receipt <- if (length(answer$encoders)) answer$encoders[[1]]
  structure(list(name = answer$id), class = "dg_classifier", answer = answer, remarks = unique(remarks), receipt = receipt)
}

#' @importFrom tibble as_tibble
#' @export
as_tibble.dg_classifier <- function(x, ...) {
  report <- dg_answer(x)$report
  evaluated <- report$held_out %||% report$cross_validated %||% report$validation
  coefficients_of(evaluated$figures)
}

#' @export
print.dg_classifier <- function(x, ...) {
  answer <- dg_answer(x)
  cat(sprintf("<classifier %s: %s of %s>\n", answer$id, answer$task, paste(texts_of(answer$labels), collapse = ", ")))
  print(tibble::as_tibble(x))
  for (remark in dg_remarks(x)) cat("! ", remark, "\n", sep = "")
  invisible(x)
}

#' Predict with a classifier
#'
#' @inheritParams dg_zero_shot
#' @param classifier A classifier of [dg_train()], or its name.
#' @param ... Further options of `POST /v1/classifiers/{name}/predict`, such as `coverage` or `crossed`.
#' @return A tibble with a row for each item: `id`, `label` and `probabilities`
#'   (a list column), or `value` of a continuous classifier, and errors as in [dg_embed()].
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' texts <- c("a cat", "a kitten", "cats", "the cat", "a dog", "a puppy", "dogs", "the dog")
#' species <- rep(c("cat", "dog"), each = 4)
#' pets <- dg_train("pets", texts = texts, targets = species, folds = 2, inner_folds = 2)
#' dg_predict(pets, texts = "my cat sleeps")
dg_predict <- function(classifier, images = NULL, texts = NULL, embeddings = NULL, ..., progress = NULL, connection = NULL) {
  connection <- current(connection)
  name <- if (inherits(classifier, "dg_classifier")) classifier$name else classifier
  path <- sprintf("/v1/classifiers/%s/predict", part(name))
  if (inherits(images, "dg_video")) return(video_predictions(connection, images, path, options_of(...), progress))
  plain <- is.null(images) || is.null(texts)
  sent <- if (is.null(embeddings) && plain) {
    send_items(connection, items_of(images, texts), path, options_of(...), function(entry, answer) entry, "request", progress, "Predicting")
  } else {
    send_vectors(connection, embedded(images, texts, embeddings, connection, NULL, progress), path, options_of(...), progress)
  }
  result(
    item_table(sent$items, sent, predicted_columns(sent$values, sent$answer)), "dg_predictions", sent$answer,
    remarks = c(sent$items$remarks, texts_of(sent$answer$remarks), failed_remark(sent$code))
  )
}

#' @noRd
predicted_columns <- function(values, answer) {
  if (identical(answer$task, "continuous")) {
    bounds <- function(i) numbers(lapply(values, function(e) if (length(e$interval)) e$interval[[i]]))
    return(list(value = numbers(field(values, "value")), low = bounds(1), high = bounds(2)))
  }
  probabilities <- lapply(values, function(e) if (!is.null(e)) unlist(e$probabilities))
  sets <- lapply(values, function(e) if (!is.null(e)) unlist(e$set))
  c(
    list(label = texts_of(field(values, "label")), probabilities = probabilities),
    if (any(lengths(sets) > 0)) list(set = sets)
  )
}
