#' Agreement of coders
#'
#' @inheritParams dg_validate
#' @param codes A data frame or the path of a `.csv` file: long (`item`,
#'   `coder`, `code`) or wide (a column for each coder).
#' @param level Level of measurement: `"nominal"`, `"ordinal"` or `"interval"`.
#' @param ... Further options of `POST /v1/agreement`: `missing`, `resamples`, `seed`.
#' @return A tibble with a row for each coefficient: `coefficient`, `value`,
#'   `low` and `high` (95 % intervals). [dg_answer()] has pairs of coders, categories and items that differ.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_agreement(data.frame(item = 1:4, anna = c("x", "y", "x", "y"), ben = c("x", "y", "y", "y")))
dg_agreement <- function(codes, coders = NULL, level = "nominal", ..., connection = NULL) {
  rows <- code_rows(codes, coders)
  if (is.null(rows$coder)) stop_input("codes: have no coders; give a column coder, or a column for each coder")
  fields <- c(rows[c("coder", "item", "code")], level = level, options_of(...))
  answer <- ask(current(connection), "POST", "/v1/agreement", fields)
  agreement_of(answer)
}

#' @noRd
agreement_of <- function(answer) {
  names <- c("percent", "kappa", "alpha", "kappa_linear", "kappa_quadratic", "ac1", "ac2_linear", "ac2_quadratic")
  result(coefficients_of(answer[names], "coefficient"), "dg_agreement", answer, receipt = NULL, kind = "agreement")
}
