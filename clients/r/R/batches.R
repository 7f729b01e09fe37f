# One call into many requests, and their answers into one.

CHUNK <- 32L # items in a request
CHUNK_BYTES <- 16e6

#' Send items in requests of bounded size, several at once, and read the entry of each.
#'
#' @param read Function of an entry of the answer and the answer, for an item that has a result.
#' @param form "fields": a form has a part for each field. "request": it has all of them as JSON.
#' @param each Function of the places of a chunk, its values, and what there is, called once the chunk is done; its values are not kept.
#' @param before Function of the places of a chunk, called before its files are read.
#' @return A list of the `values`, in order (NULL for an item without one), `error_code` and `error_message`, `remark`s
#'   of items, and the first `answer` without its data.
#' @noRd
send_items <- function(connection, items, path, fields, read, form = "fields", progress = NULL, what = "items",
                       each = NULL, before = NULL, places = seq_along(items$ids), expected = NULL) {
  n <- length(items$ids)
  out <- new.env()
  values <- vector("list", n) # no part of `out`: R copies a list in an environment for each element that is set
  out$code <- out$message <- out$remark <- rep(NA_character_, n)
  out$answer <- out$usage <- NULL
  out$remarks <- character()
  out$marked <- list()
  bar <- bar_of(progress, length(places), what)
  fail <- function(i, code, message) {
    out$code[i] <- code
    out$message[i] <- message
  }
  settle <- function(chunk) {
    tick(bar, length(chunk))
    if (is.null(each)) return()
    each(chunk, values[chunk], out)
    values[chunk] <<- list(NULL)
  }
  sent <- 0
  halves <- list()
  following <- function() {
    if (length(halves)) {
      chunk <- halves[[1]]
      halves <<- halves[-1]
      return(request_of(items, chunk, path, fields, form))
    }
    repeat {
      taken <- next_chunk(items, places[seq(sent + 1, length.out = min(CHUNK, length(places) - sent))])
      sent <<- sent + length(taken)
      if (!length(taken)) return(NULL)
      if (!is.null(before)) before(taken)
      problems <- lapply(taken, function(i) unsendable(items, i))
      bad <- !vapply(problems, is.null, NA)
      for (k in which(bad)) fail(taken[k], problems[[k]][1], problems[[k]][2])
      if (any(bad)) settle(taken[bad])
      if (!all(bad)) return(request_of(items, taken[!bad], path, fields, form))
    }
  }
  finish <- function(request, outcome) {
    chunk <- request$places
    if (inherits(outcome, "daguerre_error_too_large")) {
      if (length(chunk) > 1) {
        half <- seq_len(length(chunk) %/% 2)
        halves <<- c(halves, list(chunk[half], chunk[-half]))
        return()
      }
      fail(chunk, outcome$code, conditionMessage(outcome))
      return(settle(chunk))
    }
    if (inherits(outcome, "condition")) rlang::cnd_signal(outcome)
    check_fingerprint(out$answer %||% list(receipt = expected), outcome)
    for (entry in outcome$data) {
      i <- chunk[entry$index + 1L]
      if (!is.null(entry$same_as)) entry$same_as <- chunk[entry$same_as + 1L] - 1L
      if (is.null(entry$error)) values[[i]] <<- read(entry, outcome) else fail(i, entry$error$code, entry$error$message)
    }
    mark(out, chunk, outcome)
    out$usage <- added(out$usage, outcome$usage)
    out$remarks <- unique(c(out$remarks, texts_of(outcome$remarks)))
    outcome$data <- NULL
    if (is.null(out$answer)) out$answer <- outcome
    settle(chunk)
  }
  send(connection, following, finish)
  done(bar)
  c(as.list(out), list(values = values, items = items))
}

#' The first of some places, whose items are not too large for a request.
#' @noRd
next_chunk <- function(items, taken) {
  if (length(taken) < 2) return(taken)
  sizes <- vapply(taken, function(i) size_of(items, i), 0)
  sizes[is.na(sizes)] <- 0
  taken[c(TRUE, (cumsum(sizes) <= CHUNK_BYTES)[-1])]
}

#' @noRd
request_of <- function(items, places, path, fields, form) {
  fields <- compact(c(fields, on_error = "skip"))
  made <- if (items$modality == "text" && form == "fields") {
    request("POST", path, c(fields, list(input = unlist(items$contents[places]))))
  } else if (items$modality == "text") {
    texts <- lapply(items$contents[places], function(text) list(text = text))
    request("POST", path, c(fields, list(input = texts)))
  } else {
    request("POST", path, form = c(if (form == "fields") form_fields(fields) else form_request(fields), parts_of(items, places)))
  }
  c(made, list(places = places))
}

#' A part for each field, several for a vector, JSON for a list.
#' @noRd
form_fields <- function(fields) {
  parts <- list()
  for (name in names(fields)) {
    value <- fields[[name]]
    texts <- if (is.list(value)) to_json(value) else if (is.character(value)) value else to_json(value)
    parts <- c(parts, stats::setNames(lapply(enc2utf8(texts), curl::form_data), rep(name, length(texts))))
  }
  parts
}

#' @noRd
form_request <- function(fields) list(request = curl::form_data(enc2utf8(to_json(fields))))

REMARKS <- c(
  truncated = "the text was cut at the model's maximum length",
  unknown = "the model knows no token of the text",
  first_of_many = "of several pictures in the file the first was read"
)

#' Remarks on single items, by their place.
#' @noRd
mark <- function(out, chunk, answer) {
  for (name in names(REMARKS)) {
    for (index in unlist(answer[[name]])) {
      i <- chunk[index + 1L]
      out$marked[[name]] <- c(out$marked[[name]], list(i - 1L))
      out$remark[i] <- paste(c(stats::na.omit(out$remark[i]), REMARKS[[name]]), collapse = "; ")
    }
  }
}

#' The usage of two answers together: numbers are added.
#' @noRd
added <- function(before, after) {
  if (is.null(before)) return(after)
  for (name in names(after)) if (is.numeric(after[[name]])) before[[name]] <- sum(before[[name]], after[[name]])
  before
}

#' @noRd
check_fingerprint <- function(before, after) {
  a <- before$receipt$fingerprint
  b <- after$receipt$fingerprint
  if (!is.null(a) && !is.null(b) && a != b) {
    rlang::cnd_signal(failure("fingerprint_mismatch", sprintf(
      "vectors of fingerprints %s and %s must not be mixed: the server has another model than before; name the model, or start anew", a, b
    )))
  }
}

#' Whether progress is shown: as the caller or the option daguerre.progress says, or else in an interactive session.
#' @noRd
is_shown <- function(progress, otherwise = interactive()) isTRUE(progress %||% getOption("daguerre.progress") %||% otherwise)

#' A progress bar where one is wanted.
#' @noRd
bar_of <- function(progress, total, what) {
  if (!is_shown(progress)) return(NULL)
  cli::cli_progress_bar(what, total = total, .envir = NULL, .auto_close = FALSE)
}

#' @noRd
tick <- function(bar, count) if (!is.null(bar)) cli::cli_progress_update(count, id = bar)

#' @noRd
done <- function(bar) if (!is.null(bar)) cli::cli_progress_done(id = bar)

#' The answer to all requests as one, as if there had been one request.
#' @noRd
whole_answer <- function(sent) {
  answer <- sent$answer
  ids <- sent$items$ids
  if (!is.null(sent$usage)) answer$usage <- sent$usage
  answer$data <- lapply(seq_along(ids), function(i) {
    entry <- sent$values[[i]] %||% list(error = list(code = sent$code[i], message = sent$message[i]))
    utils::modifyList(entry, list(index = i - 1L, id = ids[i]))
  })
  for (name in intersect(names(REMARKS), names(answer))) answer[[name]] <- sent$marked[[name]] %||% list()
  answer
}
