#' Save the page of a result
#'
#' A report is one HTML file that needs no network: of a classifier its
#' evaluation, of clusters their contact sheets, and pages of duplicates,
#' zero-shot labels, findings, searches, samples, agreement, validations and
#' estimates.
#'
#' @param x A result of [dg_train()], [dg_cluster()], [dg_duplicates()],
#'   [dg_zero_shot()], [dg_search()], [dg_sample()], [dg_agreement()],
#'   [dg_validate()], [dg_estimate()],
#'   [dg_detect()] or [dg_label()].
#' @param file Path of the file to write.
#' @param images Images as for [dg_embed()], that the page may show, where its
#'   items are images. Only those that appear are sent.
#' @param pictures `"blurred"` (faces are), `"blurred_whole"`, `"thumbnails"` or `"none"`.
#' @inheritParams dg_models
#' @return The path, invisibly.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL"))
#' codes <- data.frame(
#'   coder = c("a", "b", "a", "b"), item = c(1, 1, 2, 2), code = c("x", "x", "y", "x")
#' )
#' dg_report(dg_agreement(codes), tempfile(fileext = ".html"))
dg_report <- function(x, file, images = NULL, pictures = "blurred", connection = NULL) {
  connection <- current(connection)
  if (!dir.exists(dirname(file))) stop_input("file: there is no folder ", sQuote(dirname(file), FALSE), "; create it first")
  html <- if (inherits(x, "dg_classifier")) {
    shown <- unlist(field(dg_answer(x)$worst, "id"))
    page_of(connection, paste0("/v1/classifiers/", part(x$name), "/report.html"), shown, images, pictures)
  } else if (inherits(x, "dg_clusters")) {
    answer <- dg_answer(x)
    shown <- unlist(answer$ids)[unlist(answer$shown) + 1L]
    page_of(connection, paste0("/v1/clusters/", part(answer$id), "/report.html"), shown, images, pictures)
  } else {
    answer_page(connection, x, images, pictures)
  }
  writeBin(html, file)
  invisible(file)
}

#' @noRd
page_of <- function(connection, path, shown, images, pictures) {
  given <- shown_items(images, shown)
  if (is.null(given)) return(ask(connection, "GET", path))
  ask(connection, "POST", path, list(input = given, pictures = pictures))
}

#' @noRd
answer_page <- function(connection, x, images, pictures) {
  kind <- attr(x, "kind")
  if (is.null(kind)) stop_input("x: there is no page of a ", class(x)[1], "; give a result of a function that ?dg_report lists")
  path <- paste0("/v1/pages/", kind)
  fields <- list(answer = dg_answer(x), pictures = pictures)
  page <- ask(connection, "POST", path, fields)
  given <- shown_items(images, texts_of(page$shown))
  if (!is.null(given)) page <- ask(connection, "POST", path, c(fields, list(input = given)))
  charToRaw(enc2utf8(page$html))
}

#' Images with the ids that a page shows.
#' @noRd
shown_items <- function(images, shown) {
  if (is.null(images) || !length(shown)) return(NULL)
  given <- images_of(images)
  places <- which(given$ids %in% shown & !is.na(given$paths) & file.exists(given$paths))
  if (!length(places)) return(NULL)
  lapply(places, function(i) list(id = given$ids[i], image = to_base64(bytes_of(given$paths[i]))))
}
