# The rows of a corpus on disk: a file, its parts in the folder <out>.parts until it is whole, and the answers after them.
# File and parts are those of the Python client; answers that are in no part yet are in <out>.parts/_journal/r-*.rds.

PART_ROWS <- 2048L
GROUPS_KEPT <- 8L # row groups that are in memory while the parts become one file
STORED <- c("id", "sha256", "size", "mtime_ns", "error_code", "error_message", "remark")

#' Keep other R processes out of a folder of parts, which is made. Returns the path of the lock.
#' @noRd
take_lock <- function(parts, out) {
  journal <- file.path(parts, "_journal")
  suppressWarnings(dir.create(journal, recursive = TRUE))
  if (!dir.exists(journal) || file.access(journal, 2) != 0) {
    stop_input("out: cannot write into the folder ", sQuote(dirname(out), FALSE), "; check its permissions")
  }
  path <- file.path(journal, "r.lock")
  holder <- if (file.exists(path)) readLines(path, warn = FALSE)
  here <- c(Sys.getpid(), Sys.info()[["nodename"]])
  if (length(holder) == 2 && holder[2] == here[2] && holder[1] != here[1] && is_running(holder[1])) {
    stop_input(sprintf(
      "out: process %s is writing %s; wait for it, or name another file (if it is no process of R: delete %s)",
      holder[1], sQuote(out, FALSE), path
    ), code = "in_use")
  }
  writeLines(here, path)
  path
}

is_running <- function(pid) .Platform$OS.type == "unix" && isTRUE(tools::pskill(as.integer(pid), 0L))

#' Remove a lock, and the folders of parts if nothing else is in them.
#' @noRd
release_lock <- function(path) {
  unlink(path)
  for (folder in c(dirname(path), dirname(dirname(path)))) {
    if (!length(list.files(folder, all.files = TRUE, no.. = TRUE))) unlink(folder, recursive = TRUE)
  }
}

#' Open a corpus: its files, an earlier one before a later one, and the answers that wait for a part.
#' @noRd
corpus_store <- function(out) {
  parts <- paste0(out, ".parts")
  unlink(list.files(parts, "^\\..*\\.tmp$", all.files = TRUE, full.names = TRUE))
  store <- new.env()
  store$out <- out
  store$parts <- parts
  store$files <- lapply(c(if (file.exists(out)) out, part_files(parts)), stored_vectors)
  store$waiting <- lapply(journal_files(store), readRDS)
  receipts <- compact(c(field(store$files, "receipt"), field(store$waiting, "receipt")))
  fingerprints <- unique(unlist(field(receipts, "fingerprint")))
  if (length(fingerprints) > 1) {
    rlang::cnd_signal(failure("fingerprint_mismatch", sprintf(
      "%s and its parts in %s have vectors of %d fingerprints, which must not be mixed: name another file, or remove the parts",
      out, parts, length(fingerprints)
    )))
  }
  store$receipt <- if (length(receipts)) receipts[[1]]
  store$answers <- max(0, as.numeric(gsub("[^0-9]", "", basename(journal_files(store)))))
  store
}

#' @noRd
part_numbers <- function(names) {
  found <- regmatches(names, regexec("^(part|journal)-([0-9]+)", names))
  vapply(found, function(each) if (length(each)) as.numeric(each[3]) else -1, 0)
}

#' @noRd
part_files <- function(parts) {
  names <- list.files(parts, "^[^._].*\\.parquet$")
  file.path(parts, names[order(part_numbers(names), names, method = "radix")])
}

#' @noRd
journal_files <- function(store) sort(list.files(file.path(store$parts, "_journal"), "^r-.*\\.rds$", full.names = TRUE), method = "radix")

#' Journals of killed runs of the Python client.
#' @noRd
python_journals <- function(store) list.files(store$parts, "^journal-.*\\.arrows$", recursive = TRUE)

#' Add the rows of an answer, which are on disk afterwards. Returns whether a part was written.
#' @noRd
add_rows <- function(store, rows) {
  rows$receipt <- store$receipt
  store$answers <- store$answers + 1
  path <- file.path(store$parts, "_journal", sprintf("r-%08.0f.rds", store$answers))
  saveRDS(rows, paste0(path, ".tmp"), compress = FALSE)
  replace_file(paste0(path, ".tmp"), path)
  store$waiting <- c(store$waiting, list(rows))
  full <- sum(lengths(field(store$waiting, "id"))) >= PART_ROWS && stored_width(store) > 0
  if (full) write_part(store)
  full
}

#' The length of the vectors; 0 where there is none yet.
#' @noRd
stored_width <- function(store) {
  found <- unlist(lapply(field(store$waiting, "vector"), lengths))
  if (any(found > 0)) return(max(found) %/% 4L)
  for (stored in store$files) {
    if (length(stored$rows) && (rows <- nrow(stored$read(1L, "vector")$vector)) > 0) return(rows %/% 4L)
  }
  0L
}

#' Turn the answers that wait into a part.
#' @noRd
write_part <- function(store) {
  number <- 1 + max(-1, part_numbers(c(list.files(store$parts), basename(python_journals(store)))))
  path <- file.path(store$parts, sprintf("part-%06.0f.parquet", number))
  columns <- lapply(stats::setNames(STORED, STORED), function(name) unlist(field(store$waiting, name)))
  vectors <- unlist(field(store$waiting, "vector"), recursive = FALSE)
  columns$vector <- no_vectors(stored_width(store), length(vectors))
  columns$vector[, lengths(vectors) > 0] <- unlist(vectors) %||% raw()
  writer <- vectors_writer(path, store$receipt, "image", temporary = file.path(store$parts, sprintf(".part-%06.0f.tmp", number)))
  on.exit(writer$abandon())
  writer$add(columns)
  writer$finish()
  store$files <- c(store$files, list(stored_vectors(path)))
  store$waiting <- list()
  unlink(journal_files(store))
}

#' What is known of the items, the latest row of each id: columns without vectors, and where the row is.
#' @noRd
known_rows <- function(store) {
  tables <- lapply(seq_along(store$files), function(i) {
    stored <- store$files[[i]]
    lapply(seq_along(stored$rows), function(group) {
      columns <- stored$read(group, STORED[1:5])
      n <- length(columns$id)
      c(columns, list(file = rep(i, n), group = rep(group, n), row = seq_len(n)))
    })
  })
  waiting <- lapply(store$waiting, function(rows) c(rows[STORED[1:5]], list(file = rep(0L, length(rows$id)))))
  tables <- c(unlist(tables, recursive = FALSE), waiting)
  names <- c(STORED[1:5], "file", "group", "row")
  counts <- lengths(field(tables, "id"))
  known <- lapply(stats::setNames(names, names), function(name) {
    unlist(Map(function(table, n) table[[name]] %||% rep(NA, n), tables, counts))
  })
  latest <- !duplicated(known$id, fromLast = TRUE)
  lapply(known, `[`, latest)
}

#' Write the file, in the order of `ids`, rows of files that are gone after them; remove the parts. Returns a remark.
#' @noRd
finish_corpus <- function(store, ids) {
  if (length(store$waiting)) {
    if (!stored_width(store)) {
      unlink(journal_files(store)) # there is nothing to go on with
      stop_input("images: none of the files could be used; ", store$waiting[[1]]$error_message[1])
    }
    write_part(store)
  }
  if (identical(unlist(field(store$files, "path")), store$out)) return(NULL)
  left <- length(python_journals(store)) > 0
  known <- known_rows(store)
  order <- order(match(known$id, ids))
  width <- stored_width(store)
  writer <- vectors_writer(store$out, store$receipt, "image", temporary = file.path(store$parts, ".whole.tmp"))
  on.exit(writer$abandon())
  kept <- list()
  for (block in blocks_of(length(order))) {
    rows <- lapply(known[c("file", "group", "row")], `[`, order[block])
    key <- paste(rows$file, rows$group)
    columns <- list(vector = no_vectors(width, length(block)))
    for (each in unique(key)) {
      here <- which(key == each)
      first <- here[1]
      read <- kept[[each]] %||% store$files[[rows$file[first]]]$read(rows$group[first], c(STORED, "vector"))
      kept <- utils::tail(c(kept[setdiff(names(kept), each)], stats::setNames(list(read), each)), GROUPS_KEPT)
      if (nrow(read$vector) == 4 * width) columns$vector[, here] <- read$vector[, rows$row[here]]
      for (name in intersect(STORED, names(read))) {
        columns[[name]] <- columns[[name]] %||% rep(read[[name]][NA_integer_], length(block))
        columns[[name]][here] <- read[[name]][rows$row[here]]
      }
    }
    writer$add(columns)
  }
  writer$finish()
  unlink(store$parts, recursive = TRUE)
  if (left) "the last answers of a killed run of the Python client were left out: R does not read its journal, and has embedded these files again"
}
