# Tests of a server run where DAGUERRE_URL names one, those of pictures where DAGUERRE_EXAMPLES is the folder examples/ of the checkout.

skip_without_server <- function() {
  skip_if(!nzchar(Sys.getenv("DAGUERRE_URL")), "DAGUERRE_URL names no server")
}

examples <- function(...) {
  folder <- Sys.getenv("DAGUERRE_EXAMPLES")
  skip_if(!nzchar(folder), "DAGUERRE_EXAMPLES names no folder")
  skip_without_server()
  file.path(folder, ...)
}

#' The value of a call without the warnings of remarks.
quietly <- function(expr) withCallingHandlers(expr, daguerre_remark = function(w) invokeRestart("muffleWarning"))
