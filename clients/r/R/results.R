# Tibbles that know how they were made.

#' A tibble with its receipt, its remarks and the answer that it was made of. Remarks are signalled as warnings.
#' @noRd
result <- function(table, class, answer = NULL, receipt = answer$receipt, remarks = texts_of(answer$remarks), kind = NULL, ...) {
  remarks <- unique(c(remarks[!is.na(remarks)], receipt_notice(receipt)))
  for (remark in remarks) warn_remark(remark)
  tibble::new_tibble(
    table, nrow = nrow(table), class = c(class, "dg_result"),
    receipt = receipt, remarks = remarks, answer = answer, kind = kind, ...
  )
}

#' The notice of a model that is not meant for research, once in a session.
#' @noRd
receipt_notice <- function(receipt) {
  notice <- if (isTRUE(receipt$demonstration)) receipt$notice
  if (is.null(notice) || isTRUE(default$noticed[[receipt$model]])) return(NULL)
  default$noticed[[receipt$model]] <- TRUE
  notice
}

#' @noRd
warn_remark <- function(text) rlang::warn(text, class = "daguerre_remark", use_cli_format = FALSE)

#' The remark on items without a result.
#' @noRd
failed_remark <- function(code) {
  failed <- sum(!is.na(code))
  if (failed) sprintf("%d of %d items could not be used; see error_code and error_message", failed, length(code))
}

#' Columns of items that every table begins and ends with.
#' @noRd
item_table <- function(items, sent, columns) {
  tibble::tibble(
    id = items$ids, !!!columns, error_code = sent$code, error_message = sent$message, remark = sent$remark
  )
}

#' How a result was made, and its limits
#'
#' `dg_receipt()` is the receipt: model, revision, fingerprint, precision,
#' versions of software. Vectors can be compared only if their fingerprints are
#' equal. `dg_remarks()` are the remarks on the limits of a result, as printed
#' with it and warned of (class `daguerre_remark`). `dg_answer()` is the whole
#' answer of the server as a list, with all that the table leaves out.
#'
#' @param x A result of a function of this package.
#' @return A list, or for `dg_remarks()` a character vector; `NULL` where there is none.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' X <- dg_embed(texts = c("a cat", "a dog"))
#' dg_receipt(X)$fingerprint
dg_receipt <- function(x) attr(x, "receipt")

#' @rdname dg_receipt
#' @export
dg_remarks <- function(x) attr(x, "remarks") %||% character()

#' @rdname dg_receipt
#' @export
dg_answer <- function(x) attr(x, "answer")

#' @importFrom tibble tbl_sum
#' @export
tbl_sum.dg_result <- function(x, ...) {
  receipt <- dg_receipt(x)
  made <- if (length(receipt$model)) sprintf("%s, fingerprint %s", receipt$model, substr(receipt$fingerprint %||% "", 1, 12))
  c(NextMethod(), "Model" = made)
}

#' @export
print.dg_result <- function(x, ...) {
  NextMethod()
  for (remark in dg_remarks(x)) cat("! ", remark, "\n", sep = "")
  invisible(x)
}
