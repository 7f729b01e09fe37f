#' Measure predictions against codes of people
#'
#' @param predictions A result of [dg_zero_shot()] or [dg_predict()]; a
#'   classifier, for its out-of-fold predictions; a vector with the ids of
#'   items as names; or a data frame with a column `id` and one of labels,
#'   numbers or scores. Several, as a named list, are compared too.
#' @param codes A data frame or the path of a `.csv` file, long (`item`,
#'   `code` and perhaps `coder`) or wide (a column for each coder); or a vector with ids as
#'   names. The columns `inclusion_prob`, `weight` and `group` count.
#' @param coders Columns of the coders in a wide table.
#' @param column Column of the predictions in data frames.
#' @param by Column of the codes with groups, by which errors are told apart.
#' @param adjudicator The coder who decides where others differ.
#' @param rename A named vector or list: predicted label = code that it stands for.
#' @param ... Further options of `POST /v1/validations`, such as `task`, `labels`, `positive`, `rule`, `level`, `resamples`, `seed`.
#' @inheritParams dg_models
#' @return A tibble with a row for each figure of each set of predictions: `predictions`, `figure`, `value`, `low` and
#'   `high` (95 % intervals), and `baseline`. [dg_answer()] has confusion, thresholds, differences and agreement.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' codes <- data.frame(item = letters[1:6], code = c("x", "x", "y", "y", "x", "y"))
#' dg_validate(c(a = "x", b = "x", c = "y", d = "x", e = "x", f = "y"), codes)
dg_validate <- function(predictions, codes, coders = NULL, column = NULL, by = NULL, adjudicator = NULL, rename = NULL,
                        ..., connection = NULL) {
  rows <- named_as_trained(code_rows(codes, coders, by, adjudicator), predictions)
  sets <- lapply(prediction_sets(predictions, column), coded_only, unique(as.character(unlist(rows$item))))
  fields <- c(list(predictions = sets, codes = rows), compact(list(rename = as_object(rename))), options_of(...))
  answer <- ask(current(connection), "POST", "/v1/validations", fields)
  tables <- lapply(answer$predictions, function(set) {
    table <- coefficients_of(set$figures)
    baseline <- numbers(lapply(table$figure, function(name) set$baseline[[name]]$value))
    tibble::tibble(predictions = set$name, table, baseline = baseline)
  })
  result(do.call(rbind, tables), "dg_validation", answer, receipt = NULL, kind = "validation")
}

#' A named vector as an object of JSON; NULL stays.
#' @noRd
as_object <- function(x) if (!is.null(x)) as.list(x)

#' The predictions of coded items, by the ids of the codes; the number of the others is stated.
#' @noRd
coded_only <- function(set, coded) {
  if (is.null(set$item)) return(set)
  places <- places_of(coded, unlist(set$item))
  if (all(is.na(places))) {
    stop_input(sprintf("%s: none of the %d coded items is predicted: codes have %s, predictions have %s", set$name,
      length(coded), coded[1], unlist(set$item)[1]))
  }
  there <- places[!is.na(places)]
  set$without_code <- length(set$item) - length(there)
  set$item <- as.list(coded[!is.na(places)])
  if (!is.null(set$value)) set$value <- set$value[there]
  set$scores <- if (!is.null(set$scores)) lapply(set$scores, function(s) list(label = s$label, values = s$values[there]))
  compact(set)
}

#' Codes with the ids of the items that a classifier was trained on, where one is among the predictions.
#' @noRd
named_as_trained <- function(rows, predictions) {
  trained <- if (inherits(predictions, "dg_classifier")) list(predictions) else if (!is.data.frame(predictions)) as.list(predictions)
  trained <- Filter(function(x) inherits(x, "dg_classifier"), trained)
  if (!length(trained)) return(rows)
  own <- texts_of(dg_answer(trained[[1]])$report$out_of_fold$ids)
  places <- places_of(unlist(rows$item), own)
  rows$item <- as.list(ifelse(is.na(places), as.character(unlist(rows$item)), own[places]))
  rows
}
