# Applies HALFTONE_SANITIZE to everything compiled after this.
if(HALFTONE_SANITIZE)
  add_compile_options(-fsanitize=${HALFTONE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HALFTONE_SANITIZE})
  if(HALFTONE_SANITIZE MATCHES "thread")
    include_directories(BEFORE ${PROJECT_SOURCE_DIR}/cmake/tsan)
  endif()
endif()
