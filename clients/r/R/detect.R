#' Say what is in pictures: objects, text, faces, classes, features
#'
#' @inheritParams dg_embed
#' @param analysers Kinds of analysers: any of `"objects"`, `"text"`, `"faces"`,
#'   `"classes"`, `"visual"`, `"captions"`, `"sensitive"`; or a named list of their options,
#'   such as `list(objects = list(min_score = 0.5))`.
#' @param labels Labels of objects that are looked for.
#' @return A tibble with a row for each finding: `id`, `analyser`, `finding`
#'   (its number), `label` or `text`, `score`, and its box `x`, `y`, `width`, `height` in pixels
#'   of the upright picture; and a row with the error for each picture that cannot be used.
#'   `dg_values()` has a row for each picture, with counts and features.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL")) && file.exists("photos")
#' dg_detect("photos/", c("objects", "visual"))
dg_detect <- function(images, analysers = "objects", labels = NULL, progress = NULL, connection = NULL) {
  connection <- current(connection)
  kinds <- if (is.character(analysers)) stats::setNames(rep(list(empty_object()), length(analysers)), analysers) else analysers
  if (!is.null(labels)) kinds$objects <- c(as.list(kinds$objects), list(labels = as.list(labels)))
  given <- images_of(images)
  sent <- send_items(
    connection, given, "/v1/analyses", list(analysers = kinds), function(entry, answer) entry, progress = progress, what = "Analysing"
  )
  rows <- unlist(lapply(seq_along(given$ids), function(i) findings_of(given$ids[i], sent, i)), recursive = FALSE)
  names <- c("id", "analyser", "finding", "label", "text", "score", "x", "y", "width", "height", "error_code", "error_message")
  remarks <- unlist(lapply(sent$values, function(e) lapply(e$results, function(r) texts_of(r$remarks))))
  notices <- unlist(lapply(sent$answer$receipts, `[[`, "notice"))
  values <- values_of(given$ids, sent$values)
  result(
    records(rows, names), "dg_findings", whole_answer(sent), receipt = sent$answer$receipts,
    remarks = c(given$remarks, notices, remarks, failed_remark(sent$code)), kind = "analyses", values = values
  )
}

#' @noRd
empty_object <- function() stats::setNames(list(), character())

#' @noRd
findings_of <- function(id, sent, i) {
  if (!is.na(sent$code[i])) return(list(list(id = id, error_code = sent$code[i], error_message = sent$message[i])))
  results <- compact(sent$values[[i]]$results)
  unlist(lapply(names(results), function(kind) {
    found <- results[[kind]]$findings
    Map(function(f, number) {
      c(list(id = id, analyser = kind, finding = number), f[intersect(names(f), c("label", "text", "score"))], f$box)
    }, found, seq_along(found) - 1L)
  }), recursive = FALSE)
}

#' @noRd
values_of <- function(ids, entries) {
  rows <- Map(function(id, entry) {
    c(list(id = id), unlist(unname(lapply(entry$results, `[[`, "values")), recursive = FALSE))
  }, ids, entries)
  records(unname(rows))
}

#' @param x A result of `dg_detect()`.
#' @rdname dg_detect
#' @export
dg_values <- function(x) attr(x, "values")
