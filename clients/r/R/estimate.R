#' Estimate shares, means and regressions, corrected by codes
#'
#' A label that is right nine times in ten still biases what is counted with
#' it. The estimate is corrected by a coded probability sample of the corpus,
#' whatever made the predictions.
#'
#' @param corpus A data frame with a row for each item, coded or not: a column
#'   `id` (or `path`), predictions, and what else is known of the items.
#' @param predictions Names of columns of the corpus; or a result of
#'   [dg_zero_shot()] or [dg_predict()], or a named list of these, for all items.
#' @param codes Codes of the sample, as for [dg_validate()]. `NULL`: the column
#'   `code` of the corpus, NA where an item is not coded, with its columns
#'   `inclusion_prob` or `weight`.
#' @param group Column of the account, author or source: items of one are not independent.
#' @param stratum Column of the strata that the sample was drawn from.
#' @param by Columns whose values have estimates of their own, and differences.
#' @param time Column of numbers, for a linear trend.
#' @param covariates Columns of a regression.
#' @param outcome Column of the outcome, where what is coded is a covariate (`role = "covariate"`).
#' @param ... Further options of `POST /v1/estimates`, such as `task`, `positive`, `family`, `role`, `width`, `confidence`.
#' @inheritParams dg_validate
#' @return A tibble with a row for each set of predictions, label and part of
#'   the corpus: `corrected` (the number to report) with `low`, `high` and `se`,
#'   `classical` (by codes alone), `naive` (by predictions alone), `slope`,
#'   `worth`, `n` and `n_coded`. `dg_differences()` and `dg_regression()` have the others.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' set.seed(1)
#' truth <- ifelse(runif(400) < 0.3, "yes", "no")
#' posts <- data.frame(id = paste0("p", 1:400), llm = ifelse(runif(400) < 0.1, "yes", truth))
#' posts$code <- ifelse(seq_len(400) %in% sample(400, 100), truth, NA)
#' dg_estimate(posts, "llm")
dg_estimate <- function(corpus, predictions = NULL, codes = NULL, coders = NULL, group = NULL, stratum = NULL, by = NULL,
                        time = NULL, covariates = NULL, outcome = NULL, adjudicator = NULL, rename = NULL, ...,
                        connection = NULL) {
  corpus <- table_of(corpus, "corpus")
  ids <- key_column(corpus, "corpus")
  one <- function(name) {
    if (is.null(name)) return(NULL)
    if (!name %in% names(corpus)) stop_input("corpus: has no column ", name, "; it has ", paste(names(corpus), collapse = ", "))
    listed(corpus[[name]])
  }
  many <- function(names) if (!is.null(names)) lapply(names, function(name) list(name = name, values = one(name)))
  rows <- compact(list(
    item = I(ids), group = one(group), stratum = one(stratum), by = many(by), time = one(time),
    covariates = many(covariates), outcome = one(outcome)
  ))
  fields <- c(
    list(corpus = rows, predictions = corpus_predictions(corpus, ids, predictions), codes = corpus_codes(corpus, ids, codes, coders, adjudicator)),
    compact(list(rename = as_object(rename))), options_of(...)
  )
  answer <- ask(current(connection), "POST", "/v1/estimates", fields)
  result(estimates_table(answer), "dg_estimates", answer, receipt = NULL, kind = "estimates")
}

#' @noRd
corpus_predictions <- function(corpus, ids, predictions) {
  predictions <- predictions %||% intersect(PREDICTED, names(corpus))[1]
  if (is.character(predictions) && all(predictions %in% names(corpus))) {
    return(lapply(predictions, function(name) list(name = name, item = I(ids), value = listed(corpus[[name]]))))
  }
  if (is.character(predictions) && is.null(names(predictions))) {
    stop_input("predictions: name columns of the corpus; it has ", paste(names(corpus), collapse = ", "))
  }
  prediction_sets(predictions)
}

#' @noRd
corpus_codes <- function(corpus, ids, codes, coders, adjudicator) {
  if (is.null(codes)) {
    if (!"code" %in% names(corpus)) stop_input("codes: the corpus has no column code; give codes =")
    design <- intersect(c("inclusion_prob", "weight"), names(corpus))
    codes <- data.frame(item = ids, code = column(corpus$code), corpus[design], check.names = FALSE)
    codes <- codes[!is.na(codes$code), , drop = FALSE]
  }
  rows <- code_rows(codes, coders, adjudicator = adjudicator)
  places <- places_of(unlist(rows$item), ids)
  if (all(is.na(places))) stop_input(sprintf("codes: none of the coded items, as %s, is in the corpus, as %s", rows$item[[1]], ids[1]))
  rows$item <- ifelse(is.na(places), unlist(rows$item), ids[places])
  rows$item <- as.list(as.character(rows$item))
  rows[setdiff(names(rows), c("group", "stratum"))]
}

#' @noRd
estimates_table <- function(answer) {
  rows <- unlist(lapply(answer$estimates, function(e) {
    whole <- c(mean_row(e$mean), list(predictions = e$predictions, label = e$label, by = NULL, part = NULL))
    parts <- lapply(e$parts, function(p) {
      c(mean_row(p$mean), list(predictions = e$predictions, label = e$label, by = p$by, part = p$value, n = p$n, n_coded = p$n_coded))
    })
    c(list(whole), parts)
  }), recursive = FALSE)
  rows <- lapply(rows, function(row) row[!duplicated(names(row))])
  records(rows, c(
    "predictions", "label", "by", "part", "corrected", "low", "high", "se", "classical", "classical_low",
    "classical_high", "naive", "slope", "worth", "n", "n_coded"
  ))
}

#' @noRd
mean_row <- function(mean) {
  if (is.null(mean)) return(list())
  a <- mean$corrected
  b <- mean$classical
  c(
    list(corrected = a$value, low = a$low, high = a$high, se = a$se, classical = b$value, classical_low = b$low, classical_high = b$high),
    mean[c("naive", "slope", "worth", "n", "n_coded")]
  )
}

#' @param x A result of `dg_estimate()`.
#' @rdname dg_estimate
#' @export
dg_differences <- function(x) {
  rows <- unlist(lapply(dg_answer(x)$estimates, function(e) lapply(e$differences, function(d) c(
    list(predictions = e$predictions, label = e$label, by = d$by, a = d$a, b = d$b),
    list(corrected = d$corrected$value, low = d$corrected$low, high = d$corrected$high, se = d$corrected$se),
    list(classical = d$classical$value, naive = d$naive)
  ))), recursive = FALSE)
  records(rows, c("predictions", "label", "by", "a", "b", "corrected", "low", "high", "se", "classical", "naive"))
}

#' @rdname dg_estimate
#' @export
dg_regression <- function(x) {
  rows <- unlist(lapply(dg_answer(x)$estimates, function(e) lapply(e$regression$coefficients, function(b) c(
    list(predictions = e$predictions, label = e$label, name = b$name),
    list(corrected = b$corrected$value, low = b$corrected$low, high = b$corrected$high, se = b$corrected$se),
    list(coded = b$coded$value, naive = b$naive$value)
  ))), recursive = FALSE)
  records(rows, c("predictions", "label", "name", "corrected", "low", "high", "se", "coded", "naive"))
}
