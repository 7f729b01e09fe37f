test_that("broken files are rows with an error", {
  X <- quietly(dg_embed(c(examples("photos/cat.jpg"), examples("words.txt"), "none.jpg")))
  expect_identical(X$error_code, c(NA, "unsupported_image", "unreadable_file"))
  expect_false(anyNA(X$vector[[1]]))
  expect_true(all(is.na(X$vector[[2]])))
  expect_equal(sum(X$vector[[1]]^2), 1, tolerance = 1e-6)
})

test_that("many items are cut into requests and keep their order", {
  skip_without_server()
  texts <- paste("text number", 1:75)
  X <- quietly(dg_embed(texts = texts))
  alone <- quietly(dg_embed(texts = texts[70]))
  expect_equal(X$vector[[70]], alone$vector[[1]], tolerance = 1e-5)
})

test_that("zero-shot labels of items and of their vectors are the same", {
  X <- quietly(dg_embed(examples("photos")))
  labels <- c("a cat", "a cup of coffee", "a rocket")
  Z <- quietly(dg_zero_shot(examples("photos"), labels))
  expect_identical(Z$label, labels)
  expect_equal(quietly(dg_zero_shot(embeddings = X, labels = labels))$scores, Z$scores, tolerance = 1e-6)
  expect_identical(dim(as.matrix(X)), c(3L, length(X$vector[[1]])))
  one <- quietly(dg_zero_shot(texts = "a kitten", labels = "a cat", multi_label = TRUE))
  expect_length(one$scores[[1]], 1)
})

test_that("a corpus is resumed, and continued with new files", {
  folder <- tempfile()
  dir.create(folder)
  files <- file.path(examples("coded"), sprintf("%03d.jpg", 0:4))
  file.copy(files[1:3], folder)
  out <- tempfile(fileext = ".parquet")
  expect_identical(quietly(dg_embed_corpus(folder, out))$embedded, 3L)
  file.copy(files[4:5], folder)
  again <- quietly(dg_embed_corpus(folder, out))
  expect_identical(c(again$embedded, again$reused), c(2L, 3L))
  expect_identical(as.matrix(dg_read_vectors(out)), as.matrix(quietly(dg_embed(folder))))
  expect_false(dir.exists(paste0(out, ".parts")))
})

test_that("a study goes from pictures to an estimate", {
  X <- quietly(dg_embed(examples("coded")))
  codes <- utils::read.csv(examples("labels.csv"))
  probe <- quietly(dg_train("r-test", embeddings = X, targets = codes, folds = 3))
  expect_gt(tibble::as_tibble(probe)$value[1], 0.9)
  P <- quietly(dg_predict(probe, embeddings = X))
  expect_setequal(P$label, c("cat", "other"))
  expect_gt(mean(P$label == codes$target), 0.9)
  drawn <- quietly(dg_sample(P, 12, seed = 1))
  expect_identical(nrow(drawn), 12L)
  expect_equal(unique(drawn$inclusion_prob), 1 / 3)
  drawn$code <- codes$target[match(drawn$id, basename(codes$path))]
  V <- quietly(dg_validate(P, drawn[c("id", "code", "inclusion_prob")]))
  expect_true(all(c("accuracy", "recall[cat]") %in% V$figure))
  P$party <- rep(c("a", "b"), 18)
  E <- quietly(dg_estimate(P, "label", drawn[c("id", "code", "inclusion_prob")], by = "party", positive = "cat"))
  expect_identical(nrow(E), 3L)
  expect_identical(nrow(dg_differences(E)), 1L)
  expect_true(length(dg_remarks(E)) > 0)
  for (x in list(probe, E, V)) expect_gt(file.size(dg_report(x, tempfile(fileext = ".html"))), 5000)
})

test_that("clusters, duplicates and search join by id", {
  X <- quietly(dg_embed(examples("coded")))
  C <- quietly(dg_cluster(embeddings = X, method = "kmeans", k = 3, vocabulary = c("a cat", "a cup", "a rocket"), seed = 1))
  expect_identical(C$id, X$id)
  expect_identical(nrow(summary(C)), 3L)
  expect_identical(sum(summary(C)$size), 36)
  D <- quietly(dg_duplicates(texts = c(a = "a cat", b = "a cat", c = "a car"), kind = "semantic", threshold = 0.99))
  expect_identical(D$group, c(0L, 0L, NA))
  near <- quietly(dg_duplicates(rep(examples("photos/cat.jpg"), 2), kind = "exact"))
  expect_identical(sum(near$kept), 1L)
  Q <- quietly(dg_search(X, images = examples("coded/000.jpg"), k = 2))
  expect_identical(Q$id[1], "000.jpg")
  other <- X
  attr(other, "receipt")$fingerprint <- "another"
  expect_error(dg_search(other, queries = X), class = "daguerre_error_fingerprint_mismatch")
})

test_that("what is in pictures is a table of findings, with a row for a broken file", {
  G <- quietly(dg_detect(c(examples("photos/cat.jpg"), examples("words.txt")), c("objects", "visual")))
  expect_true("cat" %in% G$label)
  expect_identical(G$error_code[G$id == "words.txt"], "unsupported_image")
  expect_true(all(c("objects", "brightness") %in% names(dg_values(G))))
})

test_that("frames of a video are rows", {
  video <- dg_video(examples("news/news.mp4"), every = 2, find_shots = TRUE)
  Z <- quietly(dg_zero_shot(video, labels = c("a cat", "a rocket")))
  expect_identical(Z$timestamp, c(0, 2, 4))
  expect_true(dg_pooled(Z)$label %in% c("a cat", "a rocket"))
  expect_identical(nrow(as.matrix(quietly(dg_embed(video)))), 3L)
  expect_error(dg_video("none.mp4"), class = "daguerre_error_input")
})

test_that("large vectors go as a file that is deleted afterwards", {
  skip_without_server()
  X <- quietly(dg_embed(texts = paste("text", 1:40)))
  before <- length(ask(current(), "GET", "/v1/files")$data)
  kept <- LARGE
  unlocked <- function(value) {
    space <- asNamespace("daguerre")
    unlockBinding("LARGE", space)
    assign("LARGE", value, space)
  }
  on.exit(unlocked(kept))
  unlocked(1000)
  C <- quietly(dg_cluster(embeddings = X, method = "kmeans", k = 2, seed = 1))
  unlocked(kept)
  expect_identical(quietly(dg_cluster(embeddings = X, method = "kmeans", k = 2, seed = 1))$cluster, C$cluster)
  expect_identical(length(ask(current(), "GET", "/v1/files")$data), before)
})

test_that("errors of the server have classes, codes and the id of the request", {
  skip_without_server()
  error <- tryCatch(dg_zero_shot(texts = "a cat", labels = "a cat"), error = identity)
  expect_s3_class(error, "daguerre_error_invalid")
  expect_identical(error$param, "labels")
  expect_match(conditionMessage(error), "request [0-9a-f]+")
  expect_error(dg_classifier("none"), class = "daguerre_error_not_found")
  expect_error(dg_embed(texts = "a", model = "none"), class = "daguerre_error_api")
})

test_that("jobs are listed, and agreement has its coefficients", {
  skip_without_server()
  expect_true(all(c("id", "state", "progress") %in% names(dg_jobs(5))))
  wide <- data.frame(item = 1:4, anna = c("x", "y", "x", "y"), ben = c("x", "y", "y", "y"))
  long <- data.frame(item = rep(1:4, 2), coder = rep(c("anna", "ben"), each = 4), code = c(wide$anna, wide$ben))
  expect_identical(quietly(dg_agreement(wide))$value, quietly(dg_agreement(long))$value)
  expect_equal(quietly(dg_agreement(wide))$value[1], 0.75)
})

test_that("captions are rows, and a broken file is one with an error", {
  C <- quietly(tryCatch(
    dg_caption(c(examples("photos/cat.jpg"), examples("words.txt")), prompt = "a photo of", max_tokens = 3),
    daguerre_error_not_found = function(e) skip("the server has no analyser of captions")
  ))
  expect_match(C$caption[1], "^a photo of ")
  expect_identical(C$error_code, c(NA, "unsupported_image"))
  expect_match(dg_remarks(C)[1], "A caption is what the network finds likely")
  V <- quietly(dg_caption(dg_video(examples("news/news.mp4"), every = 2), max_tokens = 3))
  expect_identical(nrow(V), 3L)
})

test_that("codes of a study come as tables that agreement takes", {
  folder <- examples("photos")
  connection <- current()
  on.exit(default$connection <- connection)
  study <- paste0("/v1/studies/r-", Sys.getpid())
  ask(connection, "POST", "/v1/studies", list(name = basename(study)))
  on.exit(ask(connection, "DELETE", study), add = TRUE)
  form <- c(form_request(list(ids = list("a", "b", "c"))), parts_of(images_of(folder), 1:3))
  ask(connection, "POST", paste0(study, "/items"), form = form)
  ask(connection, "PUT", paste0(study, "/codebook"), list(variables = list(list(name = "cat", kind = "binary"))))
  made <- ask(connection, "POST", paste0(study, "/assignments"), list(
    name = "one", sample = list(design = "simple", size = 3), coders = c("anna", "ben")
  ))
  for (person in made$tokens) {
    coder <- dg_connect(connection$url, api_key = person$token)
    keys <- sort(texts_of(field(ask(coder, "GET", "/v1/coding/units")$data, "key")))
    for (key in keys) {
      value <- if (key == keys[1] && person$name == "ben") "no" else "yes"
      ask(coder, "PUT", sprintf("/v1/coding/units/%s/codes", key), list(codes = list(cat = list(value = value))))
    }
  }
  S <- dg_studies(connection)
  expect_identical(S$codes[S$name == basename(study)], 6)
  long <- dg_study_codes(basename(study), connection = connection)
  expect_identical(sort(table(long$coder, long$code)[, "yes"]), c(ben = 2L, anna = 3L))
  expect_identical(unique(long$inclusion_prob), 1)
  wide <- dg_study_codes(basename(study), "cat", connection = connection)
  expect_identical(sum(wide$anna == wide$ben), 2L)
  A <- quietly(dg_study_agreement(basename(study), connection = connection))
  expect_equal(A$value[A$coefficient == "percent"], 2 / 3)
  expect_equal(quietly(dg_agreement(long, connection = connection))$value, A$value)
  expect_equal(quietly(dg_agreement(wide, c("anna", "ben"), connection = connection))$value, A$value)
})

test_that("a collection is searched by words, pictures, vectors and its own items", {
  photos <- examples("photos")
  connection <- current()
  path <- paste0("/v1/collections/r-", Sys.getpid())
  ask(connection, "PUT", path, list(fields = list(year = "integer")))
  on.exit(ask(connection, "DELETE", path))
  given <- images_of(photos)
  metadata <- lapply(seq_along(given$ids), function(i) list(year = 2020L + i))
  form <- c(form_request(list(ids = as.list(given$ids), metadata = metadata)), parts_of(given, seq_along(given$ids)))
  ask(connection, "POST", paste0(path, "/items"), form = form)
  expect_true(basename(path) %in% dg_collections()$name)
  by_words <- quietly(dg_search_collection(basename(path), "a cat", k = 1))
  expect_identical(by_words$id, "cat.jpg")
  by_picture <- quietly(dg_search_collection(basename(path), images = c(file.path(photos, "cat.jpg"), examples("words.txt")), k = 1))
  expect_identical(by_picture$id, c("cat.jpg", NA))
  expect_identical(by_picture$error_code, c(NA, "unsupported_image"))
  expect_equal(by_picture$cosine[1], 1, tolerance = 1e-6)
  X <- quietly(dg_embed(photos))
  by_vectors <- quietly(dg_search_collection(basename(path), queries = X, k = 1))
  expect_identical(by_vectors$id, X$id)
  like <- quietly(dg_search_collection(basename(path), like = "cat.jpg", where = list(year = list(gte = 2022)), k = 5))
  expect_true(all(like$year >= 2022) && !"cat.jpg" %in% like$id && nrow(like) > 0)
})
