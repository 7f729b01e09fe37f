# Thrift's compact protocol, in which Parquet writes its headers: only what those need.

#' An unsigned number in seven bits a byte.
#' @noRd
varint <- function(n) {
  bytes <- integer()
  repeat {
    low <- n %% 128
    n <- n %/% 128
    bytes <- c(bytes, if (n > 0) low + 128 else low)
    if (n == 0) return(as.raw(bytes))
  }
}

#' A signed number, zigzag.
#' @noRd
zigzag <- function(n) varint(if (n >= 0) 2 * n else -2 * n - 1)

#' A structure: a list of fields, each `list(id, type, bytes)` in the order of ids.
#' @noRd
thrift_struct <- function(...) {
  last <- 0L
  parts <- list()
  for (each in list(...)) {
    if (is.null(each)) next
    step <- each[[1]] - last
    parts <- c(parts, list(as.raw(step * 16 + each[[2]]), each[[3]]))
    last <- each[[1]]
  }
  c(unlist(parts), as.raw(0))
}

thrift_i32 <- function(id, n) list(id, 5L, zigzag(n))
thrift_i64 <- function(id, n) list(id, 6L, zigzag(n))
thrift_in <- function(id, struct) list(id, 12L, struct)
thrift_text <- function(id, text) list(id, 8L, thrift_bytes(text))
thrift_bytes <- function(text) {
  bytes <- charToRaw(enc2utf8(text))
  c(varint(length(bytes)), bytes)
}

#' A list of elements of one type, each as bytes.
#' @noRd
thrift_list <- function(id, type, elements) {
  n <- length(elements)
  head <- if (n < 15) as.raw(n * 16 + type) else c(as.raw(0xf0 + type), varint(n))
  list(id, 9L, c(head, unlist(elements)))
}

#' A reader of structures: `next_struct()` reads the one at the place `at` of `bytes`.
#'
#' Structures are lists by the ids of their fields, texts are raw.
#' @noRd
thrift_reader <- function(bytes, at = 1) {
  take <- function() {
    byte <- as.integer(bytes[at])
    at <<- at + 1
    byte
  }
  unsigned <- function() {
    n <- 0
    scale <- 1
    repeat {
      byte <- take()
      n <- n + (byte %% 128) * scale
      if (byte < 128) return(n)
      scale <- scale * 128
    }
  }
  signed <- function() {
    n <- unsigned()
    if (n %% 2 == 0) n / 2 else -(n + 1) / 2
  }
  value <- function(type) {
    switch(as.character(type),
      "1" = TRUE, "2" = FALSE, "3" = take(), "4" = signed(), "5" = signed(), "6" = signed(),
      "7" = {
        at <<- at + 8
        readBin(bytes[(at - 8):(at - 1)], "numeric", 1, endian = "little")
      },
      "8" = {
        n <- unsigned()
        at <<- at + n
        bytes[seq_len(n) + at - n - 1]
      },
      "9" = , "10" = {
        head <- take()
        n <- if (head >= 240) unsigned() else head %/% 16
        inner <- head %% 16
        lapply(seq_len(n), function(i) if (inner <= 2) take() == 1 else value(inner))
      },
      "12" = struct(),
      stop_input("a Parquet file has a header of an unknown kind; it may be damaged", code = "foreign_file")
    )
  }
  struct <- function() {
    fields <- list()
    last <- 0
    repeat {
      head <- take()
      if (head == 0) return(fields)
      last <- if (head >= 16) last + head %/% 16 else signed()
      fields[[as.character(last)]] <- value(head %% 16)
    }
  }
  list(next_struct = struct, place = function() at)
}
