#' Embed a folder of any size into a file, in runs that can be resumed
#'
#' Writes one row for each file. Call it again after an interruption, of whatever kind, or after
#' files were added: only new and changed files, and those that could not be
#' read, are embedded. Until the file is complete, its parts and the last answers are kept in the
#' folder `<out>.parts`, so that no more than some thousand vectors are in memory.
#' The Python client reads the file, and continues an unfinished run, and the other way round.
#'
#' @inheritParams dg_embed
#' @param out Path of the `.parquet` file.
#' @param retry_errors Whether files that the server could not use are sent again.
#' @param progress Whether to show how far it is: a progress bar in interactive sessions, a message after each part
#'   of 2,048 files in others. `NULL`: as `options(daguerre.progress = )` says, or else yes.
#' @return A summary, invisibly: a list of the numbers of files that were
#'   `embedded`, `reused` and `failed`, and `path`. [dg_read_vectors()] reads the file.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL")) && file.exists("photos")
#' dg_embed_corpus("photos/", tempfile(fileext = ".parquet"))
dg_embed_corpus <- function(images, out, model = NULL, decode = NULL, retry_errors = FALSE, progress = NULL, connection = NULL) {
  connection <- current(connection)
  if (!is.character(out) || length(out) != 1 || !grepl("\\.parquet$", out)) {
    stop_input("out: got ", sQuote(out, FALSE), "; name a file that ends in .parquet")
  }
  if (!dir.exists(dirname(out))) stop_input("out: there is no folder ", sQuote(dirname(out), FALSE), "; create it first")
  given <- images_of(images)
  if (!is.null(given$contents)) stop_input("images: a corpus has files; give a folder or paths")
  again <- duplicated(given$ids)
  if (any(again & !duplicated(data.frame(given$ids, given$paths)))) {
    stop_input("images: the name ", sQuote(given$ids[again][1], FALSE), " is that of several files; give each a name of its own")
  }
  given$ids <- given$ids[!again]
  given$paths <- given$paths[!again]
  lock <- take_lock(paste0(out, ".parts"), out)
  on.exit(release_lock(lock))
  store <- corpus_store(out)
  todo <- files_to_embed(given, known_rows(store), retry_errors)
  shown <- is_shown(progress, TRUE)
  noted <- new.env()
  done <- failed <- 0L
  before <- function(places) note_files(noted, places, given$paths[places])
  save <- function(chunk, vectors, sent) {
    failed <<- failed + sum(!is.na(sent$code[chunk]))
    done <<- done + length(chunk)
    if (!is.null(sent$answer)) store$receipt <- store$receipt %||% sent$answer$receipt
    rows <- c(
      list(id = given$ids[chunk]), facts_of(noted, chunk),
      list(error_code = sent$code[chunk], error_message = sent$message[chunk], remark = sent$remark[chunk], vector = vectors)
    )
    if (add_rows(store, rows) && shown && !interactive()) {
      message(sprintf("%s: %s of %s files, %s failed", basename(out), in_digits(done), in_digits(length(todo)), in_digits(failed)))
    }
  }
  fields <- compact(list(model = model %||% connection$model, decode = decode, encoding_format = "base64"))
  sent <- send_items(
    connection, given, "/v1/embeddings", fields, function(entry, answer) jsonlite::base64_dec(entry$embedding),
    progress = shown && interactive(), what = "Embedding", each = save, before = before, places = todo, expected = store$receipt
  )
  left_out <- finish_corpus(store, given$ids)
  summary <- list(embedded = length(todo) - failed, reused = length(given$ids) - length(todo), failed = failed, path = out)
  for (remark in c(given$remarks, left_out, receipt_notice(sent$answer$receipt))) warn_remark(remark)
  if (failed) warn_remark(sprintf("%d of %d files could not be used; see error_code of their rows", failed, length(given$ids)))
  invisible(structure(summary, class = "dg_summary"))
}

#' @export
print.dg_summary <- function(x, ...) {
  cat(sprintf("<%s: %d embedded, %d reused, %d failed>\n", x$path, x$embedded, x$reused, x$failed))
  invisible(x)
}

in_digits <- function(n) format(n, big.mark = ",", scientific = FALSE)

#' Places of the files that are new or changed: by size and time, then by SHA-256.
#' @noRd
files_to_embed <- function(given, known, retry_errors) {
  all <- seq_along(given$ids)
  if (!length(known$id)) return(all)
  place <- match(given$ids, known$id)
  rows <- lapply(known, `[`, place)
  info <- file.info(given$paths, extra_cols = FALSE)
  failed <- !is.na(rows$error_code) & (retry_errors | rows$error_code %in% c("unreadable_file", "missing_item"))
  same_size <- !is.na(rows$size) & !is.na(info$size) & rows$size == info$size
  same_time <- same_size & abs(rows$mtime_ns / 1e9 - as.numeric(info$mtime)) < 0.001
  same_time[is.na(same_time)] <- FALSE
  unsure <- which(same_size & !same_time & !failed)
  same <- same_time
  same[unsure] <- (hashes_of(given$paths[unsure]) == rows$sha256[unsure]) %in% TRUE
  all[!same | failed]
}

#' SHA-256 of files; NA for one that cannot be read.
#' @noRd
hashes_of <- function(paths) {
  sha <- rep(NA_character_, length(paths))
  there <- file.access(paths, 4) == 0 & !dir.exists(paths)
  sha[there] <- cli::hash_file_sha256(paths[there])
  sha
}

#' Note size, time and hash of files before they are read: a file that changes meanwhile is embedded again by the next run.
#' @noRd
note_files <- function(noted, places, paths) {
  info <- file.info(paths, extra_cols = FALSE)
  sha <- hashes_of(paths)
  for (i in seq_along(places)) {
    noted[[as.character(places[i])]] <- list(sha[i], as.numeric(info$size[i]), as.numeric(info$mtime[i]) * 1e9)
  }
}

#' @noRd
facts_of <- function(noted, places) {
  keys <- as.character(places)
  facts <- mget(keys, noted)
  rm(list = keys, envir = noted)
  list(sha256 = vapply(facts, `[[`, "", 1, USE.NAMES = FALSE), size = numbers(field(facts, 2)), mtime_ns = numbers(field(facts, 3)))
}
