#' Studies of the workbench, and their codes
#'
#' Pictures that people code in the browser. Their codes are tables that [dg_agreement()], [dg_validate()] and
#' [dg_estimate()] take as they are.
#'
#' @param name Name of the study.
#' @param variable Name of the variable of the codebook. `NULL`: all, in a long table; or the only one.
#' @param layout `"long"` (a row for each code), `"wide"` (a row for each item, a column for each coder) or `"final"` (a row
#'   for each item that is decided, unanimous, or coded once, with its code in `target`). `NULL`: long without `variable`, wide with it.
#' @param assignment Name of the assignment. `NULL`: the only one.
#' @param category A category of a variable with several, of which each code becomes yes or no.
#' @param majority Whether in `"final"` most coders decide where nobody has.
#' @param adjudicators Whether `"long"` has the codes of adjudicators too.
#' @inheritParams dg_models
#' @return `dg_studies()`: a tibble with a row for each study. `dg_study_codes()`: a tibble of codes with
#'   `inclusion_prob` and `stratum`. `dg_study_agreement()`: as [dg_agreement()].
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_studies()
dg_studies <- function(connection = NULL) {
  pages(current(connection), "/v1/studies", c("name", "title", "items", "codes", "assignments", "codebook", "created"))
}

#' @rdname dg_studies
#' @export
dg_study_codes <- function(name, variable = NULL, layout = NULL, assignment = NULL, category = NULL, majority = FALSE,
                           adjudicators = FALSE, connection = NULL) {
  layout <- layout %||% if (is.null(variable)) "long" else "wide"
  answer <- ask(current(connection), "GET", sprintf("/v1/studies/%s/codes", part(name)), query = list(
    variable = variable, layout = layout, assignment = assignment, category = category,
    majority = if (majority) "true", adjudicators = if (adjudicators) "true"
  ))
  columns <- lapply(seq_along(answer$columns), function(i) column_of(lapply(answer$rows, `[[`, i)))
  table <- tibble::new_tibble(stats::setNames(columns, texts_of(answer$columns)), nrow = length(answer$rows))
  result(table, "dg_codes", answer, receipt = NULL)
}

#' @param ... Further options: `resamples`, `seed`.
#' @rdname dg_studies
#' @export
dg_study_agreement <- function(name, variable = NULL, assignment = NULL, category = NULL, ..., connection = NULL) {
  query <- c(list(variable = variable, assignment = assignment, category = category), options_of(...))
  agreement_of(ask(current(connection), "GET", sprintf("/v1/studies/%s/agreement", part(name)), query = query))
}

#' All pages of a list of the server as a tibble of some of its fields.
#' @noRd
pages <- function(connection, path, names) {
  entries <- list()
  cursor <- NULL
  repeat {
    answer <- ask(connection, "GET", path, query = list(limit = 100, cursor = cursor))
    entries <- c(entries, answer$data)
    cursor <- answer$next_cursor
    if (is.null(cursor)) return(records(entries, names))
  }
}
