# Reading of Parquet that this package or the Python client has written: no library is needed, but zstd for the latter.

#' The columns of a Parquet file, vectors as a matrix, and its metadata.
#' @noRd
read_parquet <- function(path) {
  footer <- footer_of(path)
  metadata <- footer[["5"]]
  keys <- vapply(metadata, function(pair) text_of(pair[["1"]]), "")
  values <- lapply(metadata, function(pair) text_of(pair[["2"]]))
  schema <- leaves_of(footer[["2"]])
  file <- file(path, "rb")
  on.exit(close(file))
  parts <- lapply(footer[["4"]], function(group) {
    lapply(group[["1"]], function(chunk) read_chunk(file, chunk[["3"]], schema, group[["3"]]))
  })
  columns <- lapply(seq_along(schema), function(i) join(lapply(parts, `[[`, i), schema[[i]]))
  list(columns = stats::setNames(columns, names(schema)), metadata = stats::setNames(values, keys))
}

#' @noRd
footer_of <- function(path) {
  if (!file.exists(path)) stop_input(sQuote(path, FALSE), " does not exist; check the path")
  size <- file.size(path)
  file <- file(path, "rb")
  on.exit(close(file))
  if (size < 12 || !identical(readBin(file, "raw", 4), MAGIC)) {
    stop_input(sQuote(path, FALSE), " is no Parquet file; name another one", code = "foreign_file")
  }
  seek(file, size - 8)
  length <- readBin(file, "integer", 1, endian = "little")
  seek(file, size - 8 - length)
  thrift_reader(readBin(file, "raw", length))$next_struct()
}

#' Columns of a schema by name: their physical types, and whether they are lists.
#' @noRd
leaves_of <- function(elements) {
  leaves <- list()
  at <- 2
  descend <- function(name, optional, repeated) {
    element <- elements[[at]]
    at <<- at + 1
    name <- name %||% text_of(element[["4"]])
    repetition <- element[["3"]] %||% 0
    optional <- optional + (repetition != 0)
    repeated <- repeated + (repetition == 2)
    children <- element[["5"]] %||% 0
    if (children > 0) {
      for (i in seq_len(children)) descend(name, optional, repeated)
    } else {
      leaves[[name]] <<- list(type = element[["1"]], definition = optional, repetition = repeated)
    }
  }
  while (at <= length(elements)) descend(NULL, 0, 0)
  leaves
}

#' The values of a chunk of a column, and for lists the number of values in each row.
#' @noRd
read_chunk <- function(file, meta, schema, rows) {
  kind <- schema[[text_of(meta[["3"]][[1]])]]
  start <- min(meta[["9"]], meta[["11"]] %||% Inf)
  seek(file, start)
  bytes <- readBin(file, "raw", meta[["7"]])
  pages <- list()
  at <- 1
  while (at <= length(bytes)) {
    reader <- thrift_reader(bytes, at)
    header <- reader$next_struct()
    at <- reader$place() + header[["3"]]
    pages <- c(pages, list(list(header = header, body = bytes[seq_len(header[["3"]]) + reader$place() - 1])))
  }
  bodies <- decompressed(pages, meta[["4"]])
  dictionary <- NULL
  found <- list()
  for (i in seq_along(pages)) {
    header <- pages[[i]]$header
    if (!is.null(header[["7"]])) {
      dictionary <- plain_values(bodies[[i]], kind$type, header[["7"]][["1"]])
    } else {
      found <- c(found, list(read_page(header, bodies[[i]], kind, dictionary)))
    }
  }
  list(
    values = unlist(lapply(found, `[[`, "values")), definition = unlist(lapply(found, `[[`, "definition")),
    repetition = unlist(lapply(found, `[[`, "repetition"))
  )
}

#' The bodies of pages as they were before compression.
#' @noRd
decompressed <- function(pages, codec) {
  bodies <- lapply(pages, `[[`, "body")
  if (codec == 0) return(bodies)
  sizes <- vapply(pages, function(p) p$header[["2"]], 0)
  if (codec == 2) return(lapply(bodies, memDecompress, type = "gzip"))
  if (codec != 6) {
    stop_input("the file is compressed in a way that R cannot read by itself; install the package arrow", code = "foreign_file")
  }
  whole <- unzstd(unlist(bodies))
  if (length(whole) != sum(sizes)) stop_input("the file is damaged: its pages have other sizes than it says", code = "foreign_file")
  ends <- cumsum(sizes)
  Map(function(end, size) whole[seq_len(size) + end - size], ends, sizes)
}

#' Decompress frames of zstd: by R from version 4.5 on, by the program zstd before.
#' @noRd
unzstd <- function(bytes) {
  if (getRversion() >= "4.5.0" && isTRUE(extSoftVersion()[["libzstd"]] != "")) {
    return(memDecompress(bytes, type = "zstd"))
  }
  program <- Sys.which("zstd")
  if (!nzchar(program)) {
    stop_input(
      "vectors that the Python client has written are compressed by zstd: install the program zstd, the package arrow, ",
      "or R 4.5", code = "needs_zstd"
    )
  }
  from <- tempfile()
  to <- tempfile()
  on.exit(unlink(c(from, to)))
  writeBin(bytes, from)
  if (system2(program, c("-d", "-q", "-f", "-o", shQuote(to), shQuote(from))) != 0) {
    stop_input("zstd cannot read the file; it may be damaged", code = "foreign_file")
  }
  bytes_of(to)
}

#' One page: levels, then values, plain or by their places in the dictionary.
#' @noRd
read_page <- function(header, body, kind, dictionary) {
  data <- header[["5"]]
  if (is.null(data)) stop_input("the file has pages of version 2; install the package arrow", code = "foreign_file")
  n <- data[["1"]]
  at <- 1
  levels <- function(most) {
    if (most == 0) return(NULL)
    size <- readBin(body[at + 0:3], "integer", 1, endian = "little")
    found <- hybrid(body[seq_len(size) + at + 3], bits_for(most), n)
    at <<- at + 4 + size
    found
  }
  repetition <- levels(kind$repetition)
  definition <- levels(kind$definition)
  present <- if (is.null(definition)) n else sum(definition == kind$definition)
  rest <- if (at <= length(body)) body[at:length(body)] else raw()
  values <- if (data[["2"]] == 0) {
    plain_values(rest, kind$type, present)
  } else if (data[["2"]] %in% c(2, 8)) {
    if (present) dictionary[hybrid(rest[-1], as.integer(rest[1]), present) + 1L]
  } else {
    stop_input("the file has an encoding that is not read here; install the package arrow", code = "foreign_file")
  }
  list(values = values, definition = definition %||% rep(kind$definition, n), repetition = repetition)
}

bits_for <- function(most) as.integer(ceiling(log2(most + 1)))

#' Numbers in runs and in groups of packed bits.
#' @noRd
hybrid <- function(bytes, width, n) {
  if (width == 0) return(integer(n))
  out <- list()
  count <- 0
  at <- 1
  while (count < n) {
    head <- 0
    scale <- 1
    repeat {
      byte <- as.integer(bytes[at])
      at <- at + 1
      head <- head + (byte %% 128) * scale
      scale <- scale * 128
      if (byte < 128) break
    }
    if (head %% 2 == 0) {
      size <- (width + 7L) %/% 8L
      value <- sum(as.integer(bytes[at + seq_len(size) - 1]) * 256^(seq_len(size) - 1))
      at <- at + size
      found <- rep(as.integer(value), head / 2)
    } else {
      size <- (head - 1) / 2 * width
      bits <- as.integer(rawToBits(bytes[at + seq_len(size) - 1]))
      at <- at + size
      found <- as.integer(colSums(matrix(bits, nrow = width) * 2^(seq_len(width) - 1)))
    }
    out <- c(out, list(found))
    count <- count + length(found)
  }
  unlist(out)[seq_len(n)]
}

#' @noRd
plain_values <- function(bytes, type, n) {
  if (n == 0) return(if (type == 6) character() else numeric())
  switch(as.character(type),
    "1" = readBin(bytes, "integer", n, size = 4L, endian = "little"),
    "2" = {
      words <- matrix(as.numeric(readBin(bytes, "integer", 2 * n, size = 4L, endian = "little")), nrow = 2)
      words[is.na(words)] <- -2^31 # R's NA has the bits of this number
      words[1, ] + 2^32 * (words[1, ] < 0) + words[2, ] * 2^32
    },
    "4" = readBin(bytes, "numeric", n, size = 4L, endian = "little"),
    "5" = readBin(bytes, "numeric", n, size = 8L, endian = "little"),
    "6" = {
      out <- character(n)
      at <- 1
      for (i in seq_len(n)) {
        size <- readBin(bytes[at + 0:3], "integer", 1, endian = "little")
        out[i] <- text_of(bytes[seq_len(size) + at + 3])
        at <- at + 4 + size
      }
      out
    },
    stop_input("the file has columns of a type that is not read here; install the package arrow", code = "foreign_file")
  )
}

#' Chunks of a column as one: a vector with NA for null, or a matrix with a row for each list.
#' @noRd
join <- function(chunks, kind) {
  values <- unlist(lapply(chunks, `[[`, "values"))
  definition <- unlist(lapply(chunks, `[[`, "definition"))
  repetition <- unlist(lapply(chunks, `[[`, "repetition"))
  there <- definition == kind$definition
  if (is.null(repetition)) {
    if (all(there)) return(values)
    out <- if (kind$type == 6) rep(NA_character_, length(there)) else rep(NA_real_, length(there))
    out[there] <- values
    return(out)
  }
  row <- cumsum(repetition == 0)
  counts <- tabulate(row[there], nbins = max(row, 0))
  width <- max(counts, 0)
  if (!all(counts %in% c(0, width))) stop_input("vectors of different lengths; they have to be of one length", code = "foreign_file")
  out <- matrix(NA_real_, nrow = length(counts), ncol = width)
  out[counts > 0, ] <- matrix(values, ncol = width, byrow = TRUE)
  out
}
