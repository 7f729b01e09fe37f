# Reading of the .npz of the Python client and of its commands: ids, vectors, receipt, errors.

#' @noRd
read_npz <- function(path) {
  if (!file.exists(path)) stop_input(sQuote(path, FALSE), " does not exist; check the path")
  foreign <- function(...) stop_input(sQuote(path, FALSE), " is no .npz file of daguerre embed; make one with it, or with a .parquet", code = "foreign_file")
  folder <- tempfile()
  on.exit(unlink(folder, recursive = TRUE))
  there <- tryCatch(basename(utils::unzip(path, exdir = folder)), error = foreign, warning = foreign)
  if (!all(c("ids.npy", "vectors.npy", "receipt.npy") %in% there)) foreign()
  read <- function(name, or = NULL) {
    if (paste0(name, ".npy") %in% there) read_npy(file.path(folder, paste0(name, ".npy"))) else or
  }
  ids <- read("ids")
  text <- function(name) {
    values <- read(name, rep("", length(ids)))
    ifelse(nzchar(values), values, NA_character_)
  }
  table <- tibble::tibble(
    id = ids, vector = read("vectors"), error_code = text("error_codes"), error_message = text("error_messages"), remark = text("marks")
  )
  modality <- read("modality", "")
  result(
    table, "dg_embeddings", receipt = parse_json(read("receipt")), remarks = failed_remark(table$error_code),
    modality = if (nzchar(modality)) modality else "image"
  )
}

#' An array of numpy: texts, or the rows of a matrix as a list, NA in place of NaN.
#' @noRd
read_npy <- function(path) {
  file <- file(path, "rb")
  on.exit(close(file))
  head <- readBin(file, "raw", 8)
  header <- text_of(readBin(file, "raw", readBin(file, "integer", size = if (head[7] == 1) 2L else 4L, signed = head[7] != 1, endian = "little")))
  get <- function(pattern) regmatches(header, regexec(pattern, header))[[1]][2]
  kind <- get("'descr': *'([^']*)'")
  shape <- as.numeric(strsplit(gsub("[^0-9,]", "", get("'shape': *\\(([^)]*)\\)")), ",")[[1]])
  if (grepl("True", get("'fortran_order': *(True|False)"))) stop_input("an array in the order of Fortran is not read; save it in that of C")
  if (grepl("^[<|=]U", kind)) return(fixed_texts(file, as.numeric(substring(kind, 3)), prod(shape)))
  if (!kind %in% c("<f4", "<f8") || length(shape) != 2) stop_input("an array of ", kind, " is not read here", code = "foreign_file")
  size <- as.integer(substring(kind, 3))
  rows <- lapply(blocks_of(shape[1]), function(block) {
    values <- readBin(file, "numeric", length(block) * shape[2], size = size, endian = "little")
    values[is.nan(values)] <- NA_real_
    lapply(seq_along(block), function(i) values[seq((i - 1) * shape[2] + 1, length.out = shape[2])])
  })
  unlist(rows, recursive = FALSE)
}

#' Texts of a fixed number of characters of four bytes, filled up with zeros.
#' @noRd
fixed_texts <- function(file, width, n) {
  if (width == 0) return(rep("", n))
  codes <- matrix(readBin(file, "integer", width * n, size = 4L, endian = "little"), nrow = width)
  apply(codes, 2, function(each) intToUtf8(each[each != 0]))
}
