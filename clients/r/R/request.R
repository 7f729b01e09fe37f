# One place for requests: many at once, tried again where they failed in passing.

FIRST_PAUSE <- 0.25 # seconds
LONGEST_PAUSE <- 8
NOBODY <- 3 # seconds for which a server of this machine is tried where nobody listens
PASSING <- c(429L, 502L, 503L, 504L)

#' A request: JSON of `fields`, the parts of a `form`, or the bytes of a `file`.
#' @noRd
request <- function(method, path, fields = NULL, form = NULL, file = NULL, query = NULL) {
  list(method = method, path = path, fields = fields, form = form, file = file, query = query)
}

#' Send one request; its answer as a list, or as raw bytes where it is no JSON. Errors are signalled.
#' @noRd
ask <- function(connection, method, path, fields = NULL, ...) {
  queue <- list(request(method, path, fields, ...))
  answer <- NULL
  send(
    connection,
    function() {
      first <- queue[1]
      queue <<- list()
      if (length(first)) first[[1]]
    },
    function(request, outcome) {
      if (inherits(outcome, "condition")) rlang::cnd_signal(outcome)
      answer <<- outcome
    },
    workers = 1L
  )
  answer
}

#' Send many requests, several at once.
#'
#' @param following Function that gives the next request, NULL where there is none. It is asked again after each answer.
#' @param finish Function of a request and its outcome: the answer, or the condition of an error. It may signal it.
#' @noRd
send <- function(connection, following, finish, workers = connection$workers) {
  pool <- curl::new_pool(total_con = workers, host_con = workers)
  on.exit(for (handle in curl::multi_list(pool)) curl::multi_cancel(handle))
  state <- new.env()
  state$done <- list()
  running <- 0L
  waiting <- list()
  start <- function(request) {
    done <- function(outcome) state$done <- c(state$done, list(list(request = request, outcome = outcome)))
    curl::multi_add(
      handle_of(connection, request),
      done = done, fail = function(text) done(text), pool = pool
    )
    running <<- running + 1L
  }
  repeat {
    while (length(state$done)) {
      each <- state$done[[1]]
      state$done <- state$done[-1]
      running <- running - 1L
      outcome <- read_outcome(connection, each$outcome)
      again <- postponed(connection, each$request, outcome)
      if (is.null(again)) finish(each$request, outcome$value) else waiting <- c(waiting, list(again))
    }
    while (running < workers) {
      due <- vapply(waiting, function(each) each$due <= now(), NA)
      if (any(due)) {
        place <- which(due)[1]
        start(waiting[[place]])
        waiting <- waiting[-place]
      } else {
        found <- following()
        if (is.null(found)) break
        start(found)
      }
    }
    if (!running && !length(waiting)) break
    pause <- if (length(waiting)) max(0.01, min(vapply(waiting, function(each) each$due, 0)) - now()) else 5
    if (running) curl::multi_run(timeout = min(pause, 5), poll = TRUE, pool = pool) else Sys.sleep(pause)
  }
}

now <- function() as.numeric(proc.time()[["elapsed"]])

#' The request to be sent again and when, NULL where its outcome is final.
#' @noRd
postponed <- function(connection, request, outcome) {
  if (!outcome$passing) return(NULL)
  began <- request$began %||% now()
  pause <- request$pause %||% FIRST_PAUSE
  wait <- pause * ((as.numeric(Sys.time()) * 997) %% 1) + (outcome$retry_after %||% 0)
  long <- if (outcome$nobody) min(connection$retry_for, NOBODY) else connection$retry_for
  if (now() + wait > began + long) return(NULL)
  utils::modifyList(request, list(began = began, pause = min(2 * pause, LONGEST_PAUSE), due = now() + wait))
}

#' What came back: the answer or a condition, and whether to try again.
#' @noRd
read_outcome <- function(connection, outcome) {
  if (is.character(outcome)) {
    nobody <- is.null(connection$seen$answered) && is_local(connection$url) && grepl("refused|connect", outcome, TRUE)
    hint <- if (nobody) "; nobody listens there: start the server, or give another address" else ""
    text <- sprintf("%s does not answer: %s%s", connection$url, outcome, hint)
    return(list(value = failure("connect", text), passing = TRUE, nobody = nobody))
  }
  connection$seen$answered <- TRUE
  headers <- curl::parse_headers_list(outcome$headers)
  if (outcome$status_code < 400) {
    if (is.null(headers[["daguerre-version"]])) {
      text <- paste(connection$url, "answers, but not as a Daguerre server does; is it the right address and port?")
      return(list(value = failure("incompatible", text), passing = FALSE, nobody = FALSE))
    }
    return(list(value = content_of(outcome, headers), passing = FALSE, nobody = FALSE))
  }
  list(
    value = api_failure(outcome$status_code, text_of(outcome$content), connection$url, headers[["x-request-id"]]),
    passing = outcome$status_code %in% PASSING,
    retry_after = seconds_of(headers[["retry-after"]]),
    nobody = FALSE
  )
}

#' @noRd
content_of <- function(outcome, headers) {
  if (!grepl("json", headers[["content-type"]] %||% "", fixed = TRUE)) return(outcome$content)
  parse_json(text_of(outcome$content))
}

text_of <- function(bytes) {
  text <- rawToChar(bytes)
  Encoding(text) <- "UTF-8"
  text
}

#' Seconds of a Retry-After, which may be a date.
#' @noRd
seconds_of <- function(value) {
  if (is.null(value)) return(NULL)
  if (grepl("^[0-9.]+$", value)) return(as.numeric(value))
  date <- tryCatch(as.numeric(curl::parse_date(value)), error = function(e) NA_real_)
  if (is.na(date)) NULL else max(0, date - as.numeric(Sys.time()))
}

is_local <- function(url) grepl("^https?://(localhost|127\\.[0-9.]+|\\[::1\\])(:|/|$)", url)

#' @noRd
handle_of <- function(connection, request) {
  handle <- curl::new_handle(
    url = paste0(connection$url, request$path, query_of(request$query)), customrequest = request$method,
    connecttimeout = 10, timeout = connection$timeout, useragent = "daguerre-r/0.1.0",
    noproxy = paste(c(Sys.getenv("no_proxy"), "localhost", "127.0.0.1", "::1"), collapse = ",")
  )
  headers <- list(Expect = "", Accept = "application/json")
  if (!is.null(connection$key)) headers$Authorization <- paste("Bearer", connection$key)
  if (!is.null(request$form)) {
    curl::handle_setform(handle, .list = request$form)
  } else if (!is.null(request$file)) {
    headers[["Content-Type"]] <- "application/octet-stream"
    curl::handle_setopt(handle, post = TRUE, postfieldsize_large = file.size(request$file), readfunction = reader_of(request$file))
  } else if (!is.null(request$fields)) {
    headers[["Content-Type"]] <- "application/json"
    body <- charToRaw(enc2utf8(to_json(request$fields)))
    curl::handle_setopt(handle, post = TRUE, postfieldsize_large = length(body), postfields = body)
  }
  curl::handle_setheaders(handle, .list = headers)
}

#' A function that gives the next bytes of a file, which need not fit into memory.
#' @noRd
reader_of <- function(path) {
  place <- 0
  function(n) {
    file <- file(path, "rb")
    on.exit(close(file))
    seek(file, place)
    bytes <- readBin(file, "raw", n)
    place <<- place + length(bytes)
    bytes
  }
}

#' @noRd
query_of <- function(query) {
  query <- compact(query %||% list())
  if (!length(query)) return("")
  paste0("?", paste0(names(query), "=", vapply(query, function(v) curl::curl_escape(as.character(v)), ""), collapse = "&"))
}

#' A name as a part of a path.
#' @noRd
part <- function(name) curl::curl_escape(name)
