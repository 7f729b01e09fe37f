#' A video, and the choice of its frames
#'
#' The result goes in place of images into [dg_embed()], [dg_zero_shot()] and
#' [dg_predict()], which return a row for each frame. The video is uploaded for
#' the time of the call; videos of any length are processed as jobs.
#'
#' @param path Path of the video.
#' @param every Seconds between two frames.
#' @param frames Number of frames at even distances, in place of `every`.
#' @param shots,keyframes Whether to take a frame of each shot, or keyframes.
#' @param find_shots Whether to detect shots with the other choices too.
#' @param pooling How scores of frames become one of the video: `"mean"`, `"max"` or `"top_k"`.
#' @return A video. Results of it have the columns `video`, `index`,
#'   `timestamp` (seconds), `shot`, and those of the method; `dg_pooled()` is the result of the whole video.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL")) && file.exists("news/news.mp4")
#' dg_zero_shot(dg_video("news/news.mp4", every = 2), labels = c("a cat", "a rocket"))
dg_video <- function(path, every = NULL, frames = NULL, shots = FALSE, keyframes = FALSE, find_shots = FALSE, pooling = NULL) {
  if (!file.exists(path)) stop_input("path: there is no file ", sQuote(path, FALSE))
  chosen <- c(!is.null(every), !is.null(frames), shots, keyframes)
  if (sum(chosen) > 1) stop_input("give one of every, frames, shots and keyframes")
  policy <- c("every", "evenly", "shots", "keyframes")[c(which(chosen), 1)[1]]
  sampling <- compact(list(
    policy = policy, seconds = every, n = frames, find_shots = if (find_shots) TRUE, pooling = pooling
  ))
  structure(list(path = path, sampling = sampling), class = "dg_video")
}

#' @export
print.dg_video <- function(x, ...) {
  cat(sprintf("<video %s: %s>\n", x$path, paste(names(x$sampling), x$sampling, sep = " ", collapse = ", ")))
  invisible(x)
}

#' The entry of a video in the answer of a job, and the answer.
#' @noRd
send_video <- function(connection, video, path, fields, progress) {
  card <- ask(connection, "POST", "/v1/files", file = video$path, query = list(name = basename(video$path)))
  on.exit(try(ask(connection, "DELETE", paste0("/v1/files/", part(card$id))), silent = TRUE))
  item <- list(video = list(file = card$id), sampling = video$sampling, id = basename(video$path))
  job <- run_job(connection, path, c(fields, list(input = list(item))), progress, "Video")
  answer <- ask(connection, "GET", sprintf("/v1/jobs/%s/answer", part(job$id)))
  ask(connection, "DELETE", paste0("/v1/jobs/", part(job$id)))
  answer
}

#' @noRd
video_result <- function(video, answer, class, columns) {
  entry <- answer$data[[1]]
  if (!is.null(entry$error)) {
    rlang::cnd_signal(failure("invalid", paste0(video$path, ": ", entry$error$message), code = entry$error$code))
  }
  frames <- entry$video$frames
  table <- tibble::tibble(
    video = basename(video$path), index = as.integer(numbers(field(frames, "index"))),
    timestamp = numbers(field(frames, "timestamp")), shot = as.integer(numbers(field(frames, "shot"))), !!!columns(frames)
  )
  pooled <- entry
  pooled$video$frames <- NULL
  result(table, class, answer, remarks = c(texts_of(entry$video$report$remarks), texts_of(answer$remarks)), pooled = pooled)
}

#' @param x A result of a video.
#' @rdname dg_video
#' @export
dg_pooled <- function(x) attr(x, "pooled")

#' @noRd
video_embeddings <- function(connection, video, fields, progress) {
  answer <- send_video(connection, video, "/v1/embeddings", c(fields, encoding_format = "base64"), progress)
  x <- video_result(video, answer, "dg_embeddings", function(frames) {
    list(vector = lapply(field(frames, "embedding"), vector_of))
  })
  x$id <- sprintf("%s@%.3f", x$video, x$timestamp)
  x$error_code <- x$error_message <- x$remark <- rep(NA_character_, nrow(x))
  attr(x, "modality") <- "image"
  x
}

#' @noRd
vector_of <- function(value) if (is.character(value)) of_base64(value) else numbers(value)

#' @noRd
video_scores <- function(connection, video, fields, labels, progress) {
  answer <- send_video(connection, video, "/v1/zero-shot", fields, progress)
  video_result(video, answer, "dg_zero_shot", function(frames) {
    named <- function(name) lapply(field(frames, name), function(v) stats::setNames(numbers(v), labels))
    list(label = texts_of(field(frames, "label")), scores = named("scores"), cosines = named("cosines"))
  })
}

#' @noRd
video_predictions <- function(connection, video, path, fields, progress) {
  answer <- send_video(connection, video, path, fields, progress)
  video_result(video, answer, "dg_predictions", function(frames) predicted_columns(frames, answer))
}
