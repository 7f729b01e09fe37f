some <- function(n = 5000, width = 3) {
  vectors <- matrix(readBin(writeBin(stats::rnorm(n * width), raw(), size = 4), "numeric", n * width, size = 4), n)
  ids <- paste0("\u00fc/", seq_len(n), ".jpg")
  tibble::new_tibble(
    list(
      id = ids, vector = lapply(seq_len(n), function(i) vectors[i, ]), error_code = rep(NA_character_, n),
      error_message = rep(NA_character_, n), remark = ifelse(seq_len(n) %% 7 == 0, "cut", NA)
    ),
    nrow = n, class = c("dg_embeddings", "dg_result"), modality = "text",
    receipt = list(model = "m", revision = "r", fingerprint = "f", made_with = list(a = "1"))
  )
}

test_that("vectors are the same after they were written and read, to the bit", {
  path <- tempfile(fileext = ".parquet")
  X <- some()
  dg_write_vectors(X, path)
  Y <- dg_read_vectors(path)
  expect_identical(as.matrix(Y), as.matrix(X))
  expect_identical(Y$remark, X$remark)
  expect_identical(dg_receipt(Y), dg_receipt(X))
})

test_that("numbers of 64 bits are read as they were written", {
  path <- tempfile(fileext = ".parquet")
  sizes <- c(0, 1, 2^31, 2^32 - 1, 2^32, 1.7e18, NA)
  write_parquet(list(id = letters[1:7], size = sizes), path)
  expect_identical(read_group(parquet_file(path), 1, "size")$size, sizes)
})

test_that("vectors that lack, or differ in length, are refused", {
  X <- some(3)
  expect_error(dg_write_vectors(X[0, ], tempfile()), "no item", class = "daguerre_error_input")
  X$vector[[2]] <- 1
  expect_error(as.matrix(X), "1 and 3 numbers", class = "daguerre_error_input")
})

test_that("a file without rows, and vectors of failed items, are read", {
  path <- tempfile(fileext = ".parquet")
  X <- some(2)
  X$vector[[1]] <- rep(NA_real_, 3)
  X$error_code[1] <- "invalid_image"
  dg_write_vectors(X, path)
  expect_true(all(is.na(as.matrix(quietly(dg_read_vectors(path)))[1, ])))
  expect_warning(dg_read_vectors(path), "1 of 2 items", class = "daguerre_remark")
})

test_that("a file that was not copied as a whole is refused", {
  path <- tempfile(fileext = ".parquet")
  dg_write_vectors(some(10), path)
  bytes <- readBin(path, "raw", 1e6)
  for (n in c(5, 100, length(bytes) - 1)) {
    writeBin(bytes[seq_len(n)], path)
    expect_error(dg_read_vectors(path), "no Parquet file|has no end", class = "daguerre_error_input")
  }
  expect_error(dg_read_vectors(tempdir()), "is a folder", class = "daguerre_error_input")
  expect_error(dg_read_vectors(NA), "give the path", class = "daguerre_error_input")
})

test_that("a file that is none of vectors is refused", {
  path <- tempfile(fileext = ".parquet")
  writeLines("no Parquet", path)
  expect_error(dg_read_vectors(path), "no Parquet file", class = "daguerre_error_input")
  write_parquet(list(id = "a"), path)
  expect_error(dg_read_vectors(path), "no file of vectors", class = "daguerre_error_input")
  expect_error(dg_read_vectors(tempfile()), "does not exist", class = "daguerre_error_input")
})

test_that("arrow reads the file where it is installed", {
  skip_if_not_installed("arrow")
  path <- tempfile(fileext = ".parquet")
  X <- some(10)
  dg_write_vectors(X, path)
  expect_identical(as.data.frame(arrow::read_parquet(path))$id, X$id)
})
