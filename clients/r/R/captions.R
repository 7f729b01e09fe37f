#' Write captions of pictures
#'
#' A text about each picture, or each frame of a video of [dg_video()], by an analyser that the server's owner
#' imported. The same picture, prompt and analyser give the same caption. A caption names what is likely, and part of it is
#' not in the picture: compare captions with codes of people before you count their words.
#'
#' @inheritParams dg_embed
#' @param model Name of an analyser of captions. `NULL`: the server's.
#' @param prompt Beginning of the captions, such as `"a photo of"`, or an instruction to a model that takes one. `NULL`: the analyser's own.
#' @param max_tokens Maximum number of tokens that are written.
#' @return A tibble with a row for each picture: `id`, `caption`, `score` (how common the sentence is, not how true),
#'   `ended` (`FALSE`: it was cut), `tokens`, and errors as in [dg_embed()].
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL")) && file.exists("photos")
#' try(dg_caption("photos/", prompt = "a photo of"))
dg_caption <- function(images, prompt = NULL, max_tokens = NULL, model = NULL, progress = NULL, connection = NULL) {
  connection <- current(connection)
  fields <- compact(list(prompt = prompt, max_tokens = max_tokens, model = model))
  columns <- function(entries) list(
    caption = texts_of(field(entries, "caption")), score = numbers(field(entries, "score")),
    ended = vapply(entries, function(e) e$ended %||% NA, NA), tokens = numbers(field(entries, "tokens"))
  )
  if (inherits(images, "dg_video")) {
    return(video_result(images, send_video(connection, images, "/v1/captions", fields, progress), "dg_captions", columns))
  }
  given <- images_of(images)
  sent <- send_items(connection, given, "/v1/captions", fields, function(entry, answer) entry, progress = progress, what = "Captioning")
  for (i in which(lengths(field(sent$values, "remarks")) > 0)) {
    sent$remark[i] <- paste(c(stats::na.omit(sent$remark[i]), unlist(sent$values[[i]]$remarks)), collapse = "; ")
  }
  result(
    item_table(given, sent, columns(sent$values)), "dg_captions", whole_answer(sent),
    remarks = c(given$remarks, sent$answer$receipt$notice, failed_remark(sent$code))
  )
}
