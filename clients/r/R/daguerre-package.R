#' Images, texts and videos as data
#'
#' Functions whose names begin with `dg_` send files and texts to a Daguerre
#' server and return tibbles. Start with [dg_connect()]; `vignette("study")` is
#' a whole study.
#'
#' * Items that cannot be used do not stop a call: their rows have an
#'   `error_code` and an `error_message`.
#' * Limits of a result are its remarks: warnings of class `daguerre_remark`,
#'   and [dg_remarks()] of the result.
#' * [dg_receipt()] of a result states the model and its fingerprint.
#' * Errors have classes: see [daguerre_errors].
#'
#' @keywords internal
"_PACKAGE"
