# nobase: each provider keeps its folder
