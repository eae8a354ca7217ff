# footfall_web_assets(target): the web page becomes part of the target, as `footfall::api::assets()` (src/api/assets.h).
#
# The target must see "api/assets.h". esbuild bundles web/ again when one of its files changes. The bytes come in by an assembler file:
# an array in C++ costs seconds and hundreds of megabytes of compiler for what .incbin does at once.
find_program(NODE node REQUIRED)

function(footfall_web_assets target)
  if(NOT EXISTS ${CMAKE_SOURCE_DIR}/node_modules/esbuild)
    message(FATAL_ERROR "esbuild is not installed: run scripts/install build")
  endif()
  set(out ${CMAKE_BINARY_DIR}/web)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/web/* ${CMAKE_SOURCE_DIR}/sdk/web/*)
  list(APPEND sources ${CMAKE_SOURCE_DIR}/schema/rejections.json)
  list(FILTER sources EXCLUDE REGEX "\\.test\\.ts$|/test\\.mjs$|/web/story/")
  add_custom_command(
    OUTPUT ${out}/web_assets.S ${out}/web_assets.cc
    COMMAND ${NODE} ${CMAKE_SOURCE_DIR}/web/build.mjs ${out}
    DEPENDS ${sources} ${CMAKE_SOURCE_DIR}/package-lock.json
    COMMENT "Bundling the web page"
    VERBATIM)
  target_sources(${target} PRIVATE ${out}/web_assets.S ${out}/web_assets.cc)
endfunction()
