# Runs the vignette against the server of DAGUERRE_URL: Rscript clients/r/vignettes/precompute.R, in the checkout.
folder <- normalizePath("clients/r/vignettes")
knitr::opts_knit$set(root.dir = normalizePath("examples"))
knitr::opts_chunk$set(error = FALSE)
knitr::knit(file.path(folder, "study.Rmd.orig"), file.path(folder, "study.Rmd"), quiet = TRUE, envir = new.env())
