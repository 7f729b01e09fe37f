# What users give as images and texts, as items with ids.

ENDINGS <- c(
  "jpg", "jpeg", "jpe", "jfif", "png", "apng", "gif", "webp", "bmp", "tif", "tiff", "avif", "heic", "heif", "ppm", "pgm"
)
SYSTEM <- c(
  "@eadir", "@tmp", "@recycle", "#recycle", "#snapshot", "$recycle.bin", "recycler", "system volume information",
  "lost+found", "__macosx", "thumbs.db", "desktop.ini"
)

#' Items: ids, paths (NA for those in memory), their contents where they are in memory, their modality.
#' @noRd
items <- function(ids, modality, paths = rep(NA_character_, length(ids)), contents = NULL, remarks = character()) {
  list(ids = ids, modality = modality, paths = paths, contents = contents, remarks = remarks)
}

#' Images or texts, of which one has to be given.
#' @noRd
items_of <- function(images = NULL, texts = NULL) {
  if (is.null(images) == is.null(texts)) stop_input("give images or texts, and not both")
  if (is.null(texts)) images_of(images) else texts_given(texts)
}

#' @noRd
texts_given <- function(texts) {
  if (is.factor(texts)) texts <- stats::setNames(as.character(texts), names(texts))
  if (!is.character(texts)) stop_input("texts: got a ", class(texts)[1], "; give a character vector, such as a column of a table")
  items(ids_given(texts, "texts"), "text", contents = as.list(unname(texts)))
}

#' Names of a vector as ids, numbers from 0 where it has none.
#' @noRd
ids_given <- function(x, what) {
  ids <- names(x) %||% as.character(seq_along(x) - 1L)
  lacking <- sum(is.na(ids) | !nzchar(ids))
  if (lacking) stop_input(sprintf("%s: %d of %d have no name; names are ids: name all of them, or none", what, lacking, length(ids)))
  ids
}

#' @noRd
images_of <- function(images) {
  if (is.raw(images)) images <- list(images)
  if (is.factor(images)) images <- stats::setNames(as.character(images), names(images))
  if (is.list(images) && all(vapply(images, is.raw, NA))) {
    return(items(ids_given(images, "images"), "image", contents = unname(images)))
  }
  if (is.data.frame(images)) stop_input("images: got a table; give its column of paths, as table$path, or vectors of dg_embed() as `embeddings =`")
  if (!is.character(images) || !length(images)) {
    stop_input("images: give a folder, paths, or a list of raw vectors with the bytes of image files")
  }
  if (any(grepl("^[a-z][a-z0-9+.-]*://", images))) stop_input("images: addresses are not fetched; download the files first")
  if (!is.null(names(images))) {
    return(items(ids_given(images, "images"), "image", paths = unname(images)))
  }
  if (length(images) == 1 && !is.na(images) && !file.exists(images) && !grepl("[*?[]", images)) {
    stop_input("images: there is no file or folder ", sQuote(images, FALSE), "; check the path")
  }
  found <- lapply(images, files_of)
  remarks <- unlist(lapply(found, `[[`, "remark"))
  paths <- unlist(lapply(found, `[[`, "paths"))
  bases <- vapply(found, `[[`, "", "base")
  if (!length(paths)) stop_input("images: there is no image in ", paste(sQuote(images, FALSE), collapse = ", "))
  items(relative(paths, common(bases)), "image", paths = paths, remarks = remarks)
}

#' The image files of a folder, a pattern, or a path, and the folder that ids are relative to.
#' @noRd
files_of <- function(source) {
  if (is.na(source)) return(list(paths = NA_character_, base = NA_character_))
  if (dir.exists(source)) return(c(walk(source), base = clean(source)))
  if (!file.exists(source) && grepl("[*?[]", source)) {
    paths <- sort(Sys.glob(source), method = "radix")
    if (!length(paths)) stop_input("images: no file is as ", sQuote(source, FALSE), "; check the pattern")
    return(list(paths = paths, base = clean(dirname(sub("[*?[].*$", "x", source)))))
  }
  list(paths = source, base = clean(dirname(source)))
}

#' Images in a folder and below, sorted as in the Python client, with a remark on what was left out.
#' @noRd
walk <- function(folder) {
  names <- list.files(folder, recursive = TRUE, all.files = TRUE, no.. = TRUE)
  names <- names[order(gsub("/", "\001", names, fixed = TRUE), method = "radix")]
  hidden <- vapply(strsplit(tolower(names), "/", fixed = TRUE), function(p) any(startsWith(p, ".") | p %in% SYSTEM), NA)
  shown <- names[!hidden]
  images <- is_image(file.path(folder, shown))
  left <- sum(!images)
  list(
    paths = file.path(folder, shown[images]),
    remark = if (left) sprintf(
      "%d files were left out that are no images, the first %s", left, sQuote(file.path(folder, shown[!images][1]), FALSE)
    )
  )
}

#' Whether files are images, by the endings of their names or else by their first bytes.
#' @noRd
is_image <- function(paths) {
  known <- tolower(tools::file_ext(paths)) %in% ENDINGS
  known[!known] <- vapply(paths[!known], begins_as_image, NA)
  known
}

#' @noRd
begins_as_image <- function(path) {
  head <- tryCatch(readBin(path, "raw", 12), error = function(e) raw(), warning = function(w) raw())
  starts <- list(c(0xff, 0xd8, 0xff), c(0x89, 0x50, 0x4e, 0x47), c(0x47, 0x49, 0x46, 0x38), c(0x42, 0x4d))
  webp <- length(head) == 12 && identical(head[9:12], charToRaw("WEBP"))
  webp || any(vapply(starts, function(s) length(head) >= length(s) && all(head[seq_along(s)] == as.raw(s)), NA))
}

#' A path with forward slashes and without those at its end.
#' @noRd
clean <- function(path) {
  path <- normalizePath(path, winslash = "/", mustWork = FALSE)
  if (!grepl("^(/|[A-Za-z]:)", path)) path <- file.path(getwd(), path) # of a folder that does not exist
  if (nchar(path) > 1) sub("/+$", "", path) else path
}

#' The folder that all of several folders are in.
#' @noRd
common <- function(folders) {
  folders <- unique(folders[!is.na(folders)])
  if (length(folders) < 2) return(folders)
  parts <- strsplit(folders, "/", fixed = TRUE)
  shortest <- min(lengths(parts))
  same <- vapply(seq_len(shortest), function(i) length(unique(vapply(parts, `[`, "", i))) == 1, NA)
  paste(parts[[1]][seq_len(if (all(same)) shortest else which(!same)[1] - 1)], collapse = "/")
}

#' Paths below a folder, as ids.
#' @noRd
relative <- function(paths, folder) {
  if (!length(folder)) return(as.character(seq_along(paths) - 1L))
  whole <- ifelse(is.na(paths), NA_character_, file.path(clean_each(dirname(paths)), basename(paths)))
  start <- if (folder == "/") "/" else paste0(folder, "/")
  ids <- ifelse(startsWith(whole, start), substring(whole, nchar(start) + 1), whole)
  ifelse(is.na(ids), as.character(seq_along(paths) - 1L), ids)
}

#' `clean` for many paths, of which few differ.
#' @noRd
clean_each <- function(folders) {
  different <- unique(folders)
  vapply(different, clean, "")[match(folders, different)]
}

#' Why an item cannot be sent: a code and a message; NULL where it can.
#' @noRd
unsendable <- function(items, i) {
  path <- items$paths[i]
  if (!is.null(items$contents)) {
    missing <- is.character(items$contents[[i]]) && is.na(items$contents[[i]])
    return(if (missing) c("missing_item", "is missing; leave it out, or give a text"))
  }
  if (is.na(path)) return(c("missing_item", "is missing; leave it out, or give a path"))
  if (!file.exists(path)) return(c("unreadable_file", "cannot be read: no such file; check the path"))
  if (dir.exists(path)) return(c("unreadable_file", "cannot be read: it is a folder; give a path of a file"))
  if (file.access(path, 4) != 0) return(c("unreadable_file", "cannot be read: no permission; check its mode"))
}

#' Bytes that an item takes in a request, about.
#' @noRd
size_of <- function(items, i) {
  if (is.null(items$contents)) return(file.size(items$paths[i]))
  content <- items$contents[[i]]
  if (is.raw(content)) length(content) else nchar(content, "bytes")
}

#' The form parts of some items. Files have no names there: paths stay on this machine.
#' @noRd
parts_of <- function(items, places) {
  parts <- lapply(places, function(i) {
    content <- if (is.null(items$contents)) bytes_of(items$paths[i]) else items$contents[[i]]
    if (is.raw(content)) curl::form_data(content, "application/octet-stream") else curl::form_data(enc2utf8(content))
  })
  stats::setNames(parts, rep("input", length(places)))
}

#' @noRd
bytes_of <- function(path) readBin(path, "raw", file.size(path))
