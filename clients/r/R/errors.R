#' Errors of this package
#'
#' Every error has the class `daguerre_error`, and one of these. Each has
#' `code`, for programs, and those of the server have `status`, `param` and
#' `request_id` (also in the server's log).
#'
#' | class | |
#' | --- | --- |
#' | `daguerre_error_connect` | no answer: refused, reset, timed out |
#' | `daguerre_error_incompatible` | not a Daguerre server |
#' | `daguerre_error_invalid` | 400, 405, 409, 415, 422: the request makes no sense as it is |
#' | `daguerre_error_authentication` | 401: no key, or a wrong one |
#' | `daguerre_error_permission` | 403 |
#' | `daguerre_error_not_found` | 404 |
#' | `daguerre_error_too_large` | 413 |
#' | `daguerre_error_overloaded` | 429: was tried again until `retry_for` was over |
#' | `daguerre_error_unavailable` | 502, 503: the same |
#' | `daguerre_error_timeout` | 504: the same |
#' | `daguerre_error_server` | any other 5xx: a defect of the server |
#' | `daguerre_error_job_failed` | a job on the server did not succeed; has `job` |
#' | `daguerre_error_fingerprint_mismatch` | vectors of two models would be mixed |
#' | `daguerre_error_input` | files, tables or arguments that cannot be read |
#'
#' Those of the server also have the class `daguerre_error_api`.
#'
#' @name daguerre_errors
#' @examples
#' tryCatch(
#'   dg_models(connection = dg_connect("http://127.0.0.1:9", retry_for = 0)),
#'   daguerre_error_connect = function(e) message(conditionMessage(e))
#' )
#' dg_connect()
NULL

STATUS_CLASSES <- c(
  "401" = "authentication", "403" = "permission", "404" = "not_found", "413" = "too_large",
  "429" = "overloaded", "502" = "unavailable", "503" = "unavailable", "504" = "timeout"
)

#' A condition of this package.
#' @noRd
failure <- function(kind, message, code = kind, ..., api = FALSE) {
  class <- c(paste0("daguerre_error_", kind), if (api) "daguerre_error_api", "daguerre_error")
  rlang::error_cnd(class, message = message, code = code, ..., use_cli_format = FALSE)
}

#' Stop with an error about what the caller gave.
#' @noRd
stop_input <- function(..., code = "input") rlang::cnd_signal(failure("input", paste0(...), code))

#' The condition for an answer that is an error.
#' @noRd
api_failure <- function(status, text, url, request_id = NULL) {
  answer <- tryCatch(parse_json(text)$error, error = function(e) NULL)
  if (is.null(answer$message)) {
    return(failure(
      if (status >= 500) STATUS_CLASSES[as.character(status)] %|na|% "server" else "incompatible",
      sprintf("%s answered with status %d, and not as a Daguerre server does; check the address", url, status),
      code = "no_daguerre", status = status, request_id = request_id, api = TRUE
    ))
  }
  kind <- STATUS_CLASSES[as.character(status)] %|na|% (if (status >= 500) "server" else "invalid")
  failure(
    kind, paste0(answer$message, if (!is.null(answer$request_id)) sprintf(" (request %s)", answer$request_id)),
    code = answer$code, status = status, param = answer$param, request_id = answer$request_id,
    items = answer$items, api = TRUE
  )
}

`%|na|%` <- function(x, other) if (is.na(x)) other else unname(x)
`%||%` <- function(x, other) if (is.null(x)) other else x
