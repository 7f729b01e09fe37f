default <- new.env(parent = emptyenv())

#' Connect to a server
#'
#' Nothing is sent yet. The connection is the default of all other functions
#' for the rest of the session, until another one is made.
#'
#' @param url Address of the server. Default: the environment variable
#'   `DAGUERRE_URL`, or else this machine.
#' @param api_key Key of a server that asks for one. Default: the environment
#'   variable `DAGUERRE_API_KEY`, so that no script has a key in it.
#' @param model Default model. `NULL`: the server's.
#' @param workers Number of requests that are under way at once.
#' @param retry_for Seconds for which a request that failed in passing (no
#'   connection, 429, 502, 503, 504) is tried again, with growing pauses.
#'   `Retry-After` is obeyed.
#' @param timeout Seconds after which a request has failed.
#' @return A connection.
#' @export
#' @examples
#' dg_connect("http://gpu-server:3000")
#' dg_connect() # back to the server of DAGUERRE_URL, or of this machine
dg_connect <- function(url = NULL, api_key = NULL, model = NULL, workers = 4, retry_for = 60, timeout = 600) {
  url <- url %||% Sys.getenv("DAGUERRE_URL", "http://127.0.0.1:3000")
  if (!is.character(url) || length(url) != 1 || !grepl("^https?://[^/]", url)) {
    stop_input("url: got ", deparse1(url), "; an address is as http://gpu-server:3000")
  }
  for (each in list(list("workers", workers, 1), list("retry_for", retry_for, 0), list("timeout", timeout, 1))) {
    if (!is.numeric(each[[2]]) || length(each[[2]]) != 1 || is.na(each[[2]]) || each[[2]] < each[[3]]) {
      stop_input(each[[1]], ": got ", deparse1(each[[2]]), "; give a number, at least ", each[[3]])
    }
  }
  key <- trimws(api_key %||% Sys.getenv("DAGUERRE_API_KEY", ""))
  if (length(key) != 1 || is.na(key) || grepl("[^ -~]", key)) stop_input("api_key: has characters that no key has, such as a line break; give one text")
  connection <- structure(
    list(
      url = sub("/+$", "", url), key = if (nzchar(key)) key, model = model,
      workers = as.integer(workers), retry_for = retry_for, timeout = timeout, seen = new.env()
    ),
    class = "dg_connection"
  )
  default$connection <- connection
  connection
}

#' The connection of the session, which is made where there is none.
#' @noRd
current <- function(connection = NULL) {
  if (is.null(connection)) connection <- default$connection %||% dg_connect()
  if (!inherits(connection, "dg_connection")) stop_input("connection: make one with dg_connect()")
  connection
}

#' @export
format.dg_connection <- function(x, ...) {
  sprintf("<daguerre %s%s>", x$url, if (is.null(x$key)) "" else ", with a key")
}

#' @export
print.dg_connection <- function(x, ...) {
  cat(format(x), "\n", sep = "")
  invisible(x)
}

#' The models of a server
#'
#' @param connection A connection of [dg_connect()]. `NULL`: that of the session.
#' @return A tibble with a row for each model: its dimension, modalities,
#'   licence, fingerprint and more.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' dg_models()
dg_models <- function(connection = NULL) {
  records(ask(current(connection), "GET", "/v1/models")$data)
}
