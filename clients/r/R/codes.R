# Codes of people, and predictions, as requests have them.

DESIGN <- c("inclusion_prob", "weight", "group", "by", "stratum")

#' Rows of codes from a table or a named vector.
#'
#' A long table has columns item (or id, path), code and perhaps coder; a wide one has a column for each of `coders`.
#' @noRd
code_rows <- function(codes, coders = NULL, by = NULL, adjudicator = NULL) {
  if (is.atomic(codes) && !is.null(names(codes))) {
    return(list(item = listed(ids_given(codes, "codes")), code = listed(codes)))
  }
  table <- table_of(codes, "codes")
  ids <- key_column(table, "codes")
  if (!is.null(by)) column_named(table, by, "by")
  design <- c(DESIGN[DESIGN %in% names(table)], if (!is.null(by)) by)
  if (is.null(coders) && !"code" %in% names(table)) {
    coders <- setdiff(names(table), c(KEYS, DESIGN, by, "coder"))
    if (!length(coders)) stop_input("codes: needs a column code, or a column for each of coders")
  }
  if (!is.null(coders)) {
    unknown <- setdiff(coders, names(table))
    if (length(unknown)) stop_input("coders: there is no column ", paste(unknown, collapse = ", "))
    n <- length(coders)
    rows <- list(item = rep(ids, n), coder = rep(coders, each = length(ids)), code = unlist(lapply(coders, function(c) column(table[[c]]))))
    again <- rep(seq_along(ids), n)
  } else {
    rows <- list(item = ids, coder = table[["coder"]], code = column(table[["code"]]))
    again <- seq_along(ids)
  }
  for (name in design) rows[[if (identical(name, by)) "by" else name]] <- column(table[[name]])[again]
  rows <- lapply(compact(rows), function(column) column[!is.na(rows$code)])
  c(lapply(rows, listed), compact(list(adjudicator = adjudicator)))
}

PREDICTED <- c("label", "value", "prediction", "predicted", "score", "probability")

#' Sets of predictions: one, or a named list of several.
#' @noRd
prediction_sets <- function(predictions, column = NULL, default = "predictions") {
  several <- is.list(predictions) && !is.data.frame(predictions) && !inherits(predictions, "dg_classifier")
  if (!several) predictions <- stats::setNames(list(predictions), default)
  if (is.null(names(predictions)) || any(!nzchar(names(predictions)))) stop_input("predictions: several have names, as list(a = X, b = Y)")
  unname(Map(function(each, name) prediction_set(each, name, column), predictions, names(predictions)))
}

#' @noRd
prediction_set <- function(x, name, column_name) {
  if (inherits(x, "dg_classifier")) return(list(name = name, classifier = dg_answer(x)$id))
  if (is.atomic(x) && !is.null(names(x))) return(list(name = name, item = listed(ids_given(x, name)), value = listed(x)))
  table <- table_of(x, "predictions")
  if ("error_code" %in% names(table)) table <- table[is.na(table$error_code), ]
  found <- column_name %||% intersect(PREDICTED, names(table))[1]
  if (is.na(found) || !found %in% names(table)) {
    stop_input(name, ": has no column ", paste(column_name %||% PREDICTED, collapse = ", "), "; name it with column =")
  }
  if (inherits(x, "dg_labels")) table <- table[!is.na(table[[found]]), ] # of which the labeller cannot tell
  set <- list(name = name, item = listed(key_column(table, name)), value = listed(table[[found]]))
  scores <- table[["probabilities"]] %||% table[["scores"]]
  if (is.list(scores) && nrow(table) && is.null(column_name)) {
    labels <- names(scores[[1]])
    set$scores <- lapply(labels, function(l) list(label = l, values = as.list(vapply(scores, `[[`, 0, l))))
  }
  if (inherits(x, "dg_predictions")) set$classifier <- dg_answer(x)$classifier
  set
}

#' Coefficients of an answer as a table: value, low, high.
#' @noRd
coefficients_of <- function(named, column = "figure") {
  named <- compact(named)
  get <- function(name) numbers(field(named, name))
  tibble::tibble(!!column := names(named), value = get("value"), low = get("low"), high = get("high"))
}
