dist_pkgpipeline_SCRIPTS =
