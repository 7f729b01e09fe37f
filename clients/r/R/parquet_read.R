# Reading of Parquet that this package or the Python client has written: no library is needed, but zstd for the latter.

#' Open a Parquet file: its columns, row groups and metadata. Nothing of its rows is read.
#' @noRd
parquet_file <- function(path) {
  footer <- footer_of(path)
  metadata <- footer[["5"]]
  groups <- footer[["4"]]
  list(
    path = path, schema = leaves_of(footer[["2"]]), groups = groups, rows = numbers(field(groups, "3")),
    metadata = stats::setNames(
      lapply(metadata, function(pair) text_of(pair[["2"]])), vapply(metadata, function(pair) text_of(pair[["1"]]), "")
    )
  )
}

#' Some columns of a row group, by name. Vectors are their bytes, float32, as a raw matrix with a column for each row.
#' @noRd
read_group <- function(parquet, number, names) {
  names <- intersect(names, base::names(parquet$schema))
  file <- file(parquet$path, "rb")
  on.exit(close(file))
  chunks <- field(parquet$groups[[number]][["1"]], "3")
  owners <- vapply(chunks, function(meta) text_of(meta[["3"]][[1]]), "")
  pages <- decompressed(lapply(chunks[match(names, owners)], function(meta) pages_of(file, meta)))
  stats::setNames(Map(column_of_pages, pages, parquet$schema[names]), names)
}

#' @noRd
footer_of <- function(path) {
  if (!file.exists(path)) stop_input(sQuote(path, FALSE), " does not exist; check the path")
  if (dir.exists(path)) stop_input(sQuote(path, FALSE), " is a folder; name a file, or one of the files in it")
  size <- file.size(path)
  file <- file(path, "rb")
  on.exit(close(file))
  if (size < 12 || !identical(readBin(file, "raw", 4), MAGIC)) {
    stop_input(sQuote(path, FALSE), " is no Parquet file; name another one", code = "foreign_file")
  }
  seek(file, size - 8)
  length <- readBin(file, "integer", 1, endian = "little")
  if (!identical(readBin(file, "raw", 4), MAGIC) || is.na(length) || length < 1 || length > size - 12) {
    stop_input(sQuote(path, FALSE), " has no end: it is damaged, or was not copied as a whole", code = "foreign_file")
  }
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

#' The pages of a chunk of a column: each a header and a body, compressed by `codec`.
#' @noRd
pages_of <- function(file, meta) {
  dictionary <- meta[["11"]] %||% 0
  seek(file, if (dictionary > 0) min(meta[["9"]], dictionary) else meta[["9"]])
  bytes <- readBin(file, "raw", meta[["7"]])
  pages <- list()
  at <- 1
  while (at <= length(bytes)) {
    reader <- thrift_reader(bytes, at)
    header <- reader$next_struct()
    body <- slice(bytes, reader$place(), header[["3"]])
    pages <- c(pages, list(list(header = header, body = body, codec = meta[["4"]])))
    at <- reader$place() + header[["3"]]
  }
  pages
}

#' Some bytes; an index that R keeps as its two ends takes no memory.
#' @noRd
slice <- function(bytes, from, n) if (n > 0) bytes[from:(from + n - 1)] else raw()

#' The pages of several columns with their bodies as they were before compression.
#' @noRd
decompressed <- function(columns) {
  pages <- unlist(columns, recursive = FALSE)
  codecs <- numbers(field(pages, "codec"))
  if (!all(codecs %in% c(0, 2, 6))) {
    stop_input("the file is compressed in a way that R cannot read by itself; install the package arrow", code = "foreign_file")
  }
  for (i in which(codecs == 2)) pages[[i]]$body <- memDecompress(pages[[i]]$body, "gzip")
  packed <- which(codecs == 6)
  if (length(packed)) {
    sizes <- vapply(pages[packed], function(page) page$header[["2"]], 0)
    whole <- unzstd(field(pages[packed], "body"))
    if (length(whole) != sum(sizes)) stop_input("the file is damaged: its pages have other sizes than it says", code = "foreign_file")
    starts <- cumsum(sizes) - sizes
    for (i in seq_along(packed)) pages[[packed[i]]]$body <- slice(whole, starts[i] + 1, sizes[i])
  }
  unname(split(pages, factor(rep(seq_along(columns), lengths(columns)), seq_along(columns))))
}

#' Decompress frames of zstd, all as one: by R from version 4.5 on, by the program zstd before.
#' @noRd
unzstd <- function(frames) {
  if (getRversion() >= "4.5.0" && isTRUE(extSoftVersion()[["libzstd"]] != "")) {
    return(unlist(lapply(frames, memDecompress, type = "zstd")))
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
  writeBin(unlist(frames), from)
  if (system2(program, c("-d", "-q", "-f", "-o", shQuote(to), shQuote(from))) != 0) {
    stop_input("zstd cannot read the file; it may be damaged", code = "foreign_file")
  }
  bytes_of(to)
}

#' A column of a row group: a vector with NA for null, or the bytes of vectors.
#' @noRd
column_of_pages <- function(pages, kind) {
  dictionary <- NULL
  read <- list()
  for (page in pages) {
    if (!is.null(page$header[["7"]])) {
      dictionary <- plain_values(page$body, kind$type, page$header[["7"]][["1"]])
    } else {
      read <- c(read, list(read_page(page$header, page$body, kind, dictionary)))
    }
  }
  values <- unlist(field(read, "values"))
  definition <- unlist(field(read, "definition"))
  if (kind$repetition) return(rows_of(values, definition == kind$definition, unlist(field(read, "repetition"))))
  there <- definition == kind$definition
  if (all(there)) return(values)
  out <- if (kind$type == 6) rep(NA_character_, length(there)) else rep(NA_real_, length(there))
  out[there] <- values
  out
}

NO_NUMBER <- as.raw(c(0x00, 0x00, 0xc0, 0x7f)) # NaN in float32

#' The bytes of vectors as a matrix with a column for each row; NaN for a row without a vector.
#' @noRd
rows_of <- function(bytes, there, repetition) {
  starts <- which(repetition == 0L)
  counts <- diff(c(starts, length(repetition) + 1L))
  if (!all(there)) counts <- tabulate(cumsum(repetition == 0L)[there], nbins = length(starts))
  width <- max(counts, 0L)
  if (!all(counts %in% c(0L, width))) stop_input("vectors of different lengths; they have to be of one length", code = "foreign_file")
  if (all(counts == width)) {
    out <- bytes %||% raw()
    dim(out) <- c(4L * width, length(starts))
  } else {
    out <- no_vectors(width, length(starts))
    out[, counts > 0] <- bytes
  }
  out
}

#' @noRd
no_vectors <- function(width, n) {
  out <- rep(NO_NUMBER, width * n)
  dim(out) <- c(4L * width, n)
  out
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
    read <- hybrid(slice(body, at + 4, size), bits_for(most), n)
    at <<- at + 4 + size
    read
  }
  repetition <- levels(kind$repetition)
  definition <- levels(kind$definition) %||% rep(kind$definition, n)
  present <- sum(definition == kind$definition)
  rest <- slice(body, at, length(body) - at + 1)
  values <- if (data[["2"]] == 0 && kind$repetition && kind$type == 4) {
    if (length(rest) == 4 * present) rest else slice(rest, 1, 4 * present)
  } else if (data[["2"]] == 0) {
    plain_values(rest, kind$type, present)
  } else if (data[["2"]] %in% c(2, 8)) {
    if (present) dictionary[hybrid(rest[-1], as.integer(rest[1]), present) + 1L]
  } else {
    stop_input("the file has an encoding that is not read here; install the package arrow", code = "foreign_file")
  }
  if (kind$repetition && is.numeric(values)) values <- writeBin(as.numeric(values), raw(), size = 4L, endian = "little")
  list(values = values, definition = definition, repetition = repetition)
}

bits_for <- function(most) as.integer(ceiling(log2(most + 1)))

#' Numbers in runs and in groups of packed bits.
#' @noRd
hybrid <- function(bytes, width, n) {
  out <- integer(n)
  if (width == 0) return(out)
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
      values <- as.integer(sum(as.integer(bytes[at + seq_len(size) - 1]) * 256^(seq_len(size) - 1)))
      number <- min(head / 2, n - count)
    } else {
      size <- (head - 1) / 2 * width
      bits <- as.integer(rawToBits(slice(bytes, at, size)))
      values <- if (width == 1) bits else as.integer(colSums(matrix(bits, nrow = width) * 2^(seq_len(width) - 1)))
      number <- min(length(values), n - count)
      values <- values[seq_len(number)]
    }
    at <- at + size
    if (!identical(values, 0L)) out[count + seq_len(number)] <- values
    count <- count + number
  }
  out
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
    "6" = plain_texts_of(bytes, n),
    stop_input("the file has columns of a type that is not read here; install the package arrow", code = "foreign_file")
  )
}

#' Texts, each with its length before it. Those of one length, such as hashes, are read at once.
#' @noRd
plain_texts_of <- function(bytes, n) {
  each <- length(bytes) / n
  if (each %% 1 == 0 && each > 4 && all(bytes < as.raw(0x80))) {
    dim(bytes) <- c(each, n)
    if (all(bytes[1:4, ] == writeBin(as.integer(each - 4), raw(), endian = "little"))) {
      starts <- (each - 4) * (seq_len(n) - 1)
      return(substring(rawToChar(as.vector(bytes[-(1:4), ])), starts + 1, starts + each - 4))
    }
    bytes <- as.vector(bytes)
  }
  out <- character(n)
  at <- 1
  for (i in seq_len(n)) {
    size <- readBin(bytes[at + 0:3], "integer", 1, endian = "little")
    out[i] <- text_of(bytes[seq_len(size) + at + 3])
    at <- at + 4 + size
  }
  out
}
