# footfall_library(name LAYER n [SOURCES …] [TESTS …] [DEPS …] [PRIVATE_LIBS …] [PUBLIC_LIBS …])
#
# One folder of src/ is one static library. The rule "a library may use smaller layers only" is enforced here: a
# dependency that is not defined yet, or that stands on the same or a higher layer, stops the configure step. A library
# sees only the headers of those it names in DEPS, through build/view/<name>/<name> -> src/<name>, so an include that was
# not declared is a compile error.
function(footfall_library name)
  cmake_parse_arguments(ARG "" "LAYER" "SOURCES;TESTS;DEPS;PRIVATE_LIBS;PUBLIC_LIBS" ${ARGN})
  set(view ${CMAKE_BINARY_DIR}/view/${name})
  file(MAKE_DIRECTORY ${view})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/src/${name} ${view}/${name} SYMBOLIC)

  add_library(footfall_${name} STATIC ${ARG_SOURCES})
  set_property(GLOBAL PROPERTY footfall_layer_${name} ${ARG_LAYER})
  target_include_directories(footfall_${name} PUBLIC ${view})
  target_link_libraries(footfall_${name} PRIVATE footfall_flags ${ARG_PRIVATE_LIBS} PUBLIC ${ARG_PUBLIC_LIBS})
  foreach(dep ${ARG_DEPS})
    get_property(dep_layer GLOBAL PROPERTY footfall_layer_${dep})
    if(NOT TARGET footfall_${dep})
      message(FATAL_ERROR "layers: '${name}' uses '${dep}', which is not defined before it")
    endif()
    if(NOT dep_layer LESS ARG_LAYER)
      message(FATAL_ERROR "layers: '${name}' (layer ${ARG_LAYER}) may not use '${dep}' (layer ${dep_layer})")
    endif()
    target_link_libraries(footfall_${name} PUBLIC footfall_${dep})
  endforeach()

  if(ARG_TESTS AND BUILD_TESTING)
    add_executable(${name}_test ${ARG_TESTS})
    target_link_libraries(${name}_test PRIVATE footfall_${name} footfall_flags GTest::gmock GTest::gtest_main
                                               ${ARG_PRIVATE_LIBS})
    target_compile_definitions(${name}_test PRIVATE FOOTFALL_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    add_test(NAME unit.${name} COMMAND ${name}_test)
    set_tests_properties(unit.${name} PROPERTIES LABELS unit TIMEOUT 900)
    set_property(GLOBAL APPEND PROPERTY footfall_unit_tests ${name}_test)
  endif()
endfunction()

# footfall_embed_text(library namespace FILES…): the files' text becomes part of the library, as `namespace::files()`.
function(footfall_embed_text library namespace)
  string(REPLACE "::" "_" flat ${namespace})
  set(source ${CMAKE_CURRENT_BINARY_DIR}/${flat}.cc)
  add_custom_command(
    OUTPUT ${source}
    COMMAND Python3::Interpreter ${CMAKE_SOURCE_DIR}/scripts/embed_text.py ${namespace} ${source} ${ARGN}
    DEPENDS ${CMAKE_SOURCE_DIR}/scripts/embed_text.py ${ARGN})
  target_sources(footfall_${library} PRIVATE ${source})
endfunction()
