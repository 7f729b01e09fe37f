#' Embed a folder of any size into a file, in runs that can be resumed
#'
#' Writes one row for each file. Call it again after an interruption, or after
#' files were added: only new and changed files, and those that could not be
#' read, are embedded. Until the file is complete, answers are kept in the
#' folder `<out>.r-parts`. The Python client reads and continues the file.
#'
#' @inheritParams dg_embed
#' @param out Path of the `.parquet` file.
#' @param retry_errors Whether files that the server could not use are sent again.
#' @return A summary, invisibly: a list of the numbers of files that were
#'   `embedded`, `reused` and `failed`, and `path`. [dg_read_vectors()] reads the file.
#' @export
#' @examplesIf nzchar(Sys.getenv("DAGUERRE_URL")) && file.exists("photos")
#' dg_embed_corpus("photos/", tempfile(fileext = ".parquet"))
dg_embed_corpus <- function(images, out, model = NULL, decode = NULL, retry_errors = FALSE, progress = NULL, connection = NULL) {
  connection <- current(connection)
  if (!grepl("\\.parquet$", out)) stop_input("out: got ", sQuote(out, FALSE), "; name a file that ends in .parquet")
  if (!dir.exists(dirname(out))) stop_input("out: there is no folder ", sQuote(dirname(out), FALSE), "; create it first")
  if (file.exists(paste0(out, ".parts"))) {
    stop_input("out: a run of the Python client is unfinished, in ", paste0(out, ".parts"), "; finish it there")
  }
  given <- images_of(images)
  if (!is.null(given$contents)) stop_input("images: a corpus has files; give a folder or paths")
  parts <- paste0(out, ".r-parts")
  dir.create(parts, showWarnings = FALSE)
  known <- known_rows(out, parts)
  todo <- files_to_embed(given, known, retry_errors)
  count <- length(list.files(parts))
  save <- function(chunk, sent) {
    count <<- count + 1L
    rows <- corpus_rows(given, chunk, sent)
    save_part(list(rows = rows, vectors = sent$values[chunk], receipt = sent$answer$receipt), parts, count)
  }
  sent <- embed_items(connection, given, model, decode, progress, each = save, places = todo, expected = known$receipt)
  finish_corpus(out, parts, known_rows(out, parts), given)
  failed <- sum(!is.na(sent$code[todo]))
  summary <- list(embedded = length(todo) - failed, reused = length(given$ids) - length(todo), failed = failed, path = out)
  for (remark in c(given$remarks, receipt_notice(sent$answer$receipt))) warn_remark(remark)
  if (failed) warn_remark(sprintf("%d of %d files could not be used; see error_code of their rows", failed, length(given$ids)))
  invisible(structure(summary, class = "dg_summary"))
}

#' @export
print.dg_summary <- function(x, ...) {
  cat(sprintf("<%s: %d embedded, %d reused, %d failed>\n", x$path, x$embedded, x$reused, x$failed))
  invisible(x)
}

#' The rows of the finished file and of the parts after it, the latest of each id.
#' @noRd
known_rows <- function(out, parts) {
  rows <- NULL
  vectors <- list()
  receipt <- NULL
  if (file.exists(out)) {
    read <- read_vectors(out)
    names <- c("id", "sha256", "size", "mtime_ns", "error_code", "error_message", "remark")
    rows <- tibble::as_tibble(lapply(stats::setNames(names, names), function(n) read$columns[[n]] %||% rep(NA, length(read$columns$id))))
    vectors <- lapply(seq_len(nrow(read$columns$vector)), function(i) read$columns$vector[i, ])
    receipt <- read$receipt
  }
  for (path in sort(list.files(parts, "\\.rds$", full.names = TRUE), method = "radix")) {
    part <- readRDS(path)
    rows <- rbind(rows, part$rows)
    vectors <- c(vectors, part$vectors)
    receipt <- receipt %||% part$receipt
  }
  if (!is.null(rows)) {
    latest <- !duplicated(rows$id, fromLast = TRUE)
    rows <- rows[latest, ]
    vectors <- vectors[latest]
  }
  list(rows = rows, vectors = vectors, receipt = receipt)
}

#' Places of the files that are new or changed: by size and time, then by SHA-256.
#' @noRd
files_to_embed <- function(given, known, retry_errors) {
  all <- seq_along(given$ids)
  if (is.null(known$rows)) return(all)
  rows <- known$rows[match(given$ids, known$rows$id), ]
  info <- file.info(given$paths, extra_cols = FALSE)
  failed <- !is.na(rows$error_code) & (retry_errors | rows$error_code %in% c("unreadable_file", "missing_item"))
  same_size <- !is.na(rows$size) & !is.na(info$size) & rows$size == info$size
  same_time <- same_size & abs(rows$mtime_ns / 1e9 - as.numeric(info$mtime)) < 0.001
  same_time[is.na(same_time)] <- FALSE
  unsure <- which(same_size & !same_time & !failed)
  same <- same_time
  same[unsure] <- cli::hash_file_sha256(given$paths[unsure]) == rows$sha256[unsure]
  all[!same | failed]
}

#' @noRd
corpus_rows <- function(given, chunk, sent) {
  paths <- given$paths[chunk]
  info <- file.info(paths, extra_cols = FALSE)
  there <- !is.na(info$size) & !info$isdir & file.access(paths, 4) == 0
  sha <- rep(NA_character_, length(chunk))
  sha[there] <- cli::hash_file_sha256(paths[there])
  tibble::tibble(
    id = given$ids[chunk], sha256 = sha, size = as.numeric(info$size), mtime_ns = as.numeric(info$mtime) * 1e9,
    error_code = sent$code[chunk], error_message = sent$message[chunk], remark = sent$remark[chunk]
  )
}

#' Keep an answer on disk, whole or not at all.
#' @noRd
save_part <- function(part, folder, number) {
  path <- file.path(folder, sprintf("%08d.rds", number))
  saveRDS(part, paste0(path, ".tmp"), compress = FALSE)
  file.rename(paste0(path, ".tmp"), path)
}

#' Write the file, in the order of the folder, rows of files that are gone after them; remove the parts.
#' @noRd
finish_corpus <- function(out, parts, known, given) {
  width <- max(0L, lengths(known$vectors))
  absent <- lengths(known$vectors) == 0
  known$vectors[absent] <- list(rep(NaN, width))
  order <- order(match(known$rows$id, given$ids))
  vectors <- matrix(as.numeric(unlist(known$vectors[order])), ncol = width, byrow = TRUE)
  if (width) write_vectors(known$rows[order, ], vectors, known$receipt, "image", out)
  if (!width) stop_input("out: none of the files could be used; ", known$rows$error_message[1])
  unlink(parts, recursive = TRUE)
}
