# The words with which the folders describe themselves: ephemeral_layer(), ephemeral_program(), ephemeral_test().
find_package(PkgConfig REQUIRED)
pkg_check_modules(UV REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(OPENSSL REQUIRED IMPORTED_TARGET openssl>=3.0)
pkg_check_modules(PROTOBUFC REQUIRED IMPORTED_TARGET libprotobuf-c)
# Pinned: the next release owns memory differently (src/consensus/group.c).
pkg_check_modules(RAFT REQUIRED IMPORTED_TARGET raft=0.22.1)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(CURL REQUIRED libcurl>=7.85)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET libpcre2-8)

add_library(ephemeral_flags INTERFACE)
target_compile_definitions(ephemeral_flags INTERFACE _GNU_SOURCE)
target_compile_options(ephemeral_flags INTERFACE
  -Wall -Wextra -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes -Wmissing-prototypes -Wvla -Werror
  -fno-omit-frame-pointer -fstack-protector-strong)
target_compile_options(ephemeral_flags INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:-O2>)
target_include_directories(ephemeral_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(EPHEMERAL_SANITIZE)
  target_compile_options(ephemeral_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all)
  target_link_options(ephemeral_flags INTERFACE -fsanitize=address,undefined)
else()
  target_compile_definitions(ephemeral_flags INTERFACE $<$<CONFIG:Release,RelWithDebInfo>:_FORTIFY_SOURCE=2>)
endif()
if(EPHEMERAL_FUZZ)
  # What libFuzzer steers by; the fuzz targets themselves are linked with it (tests/fuzz).
  target_compile_options(ephemeral_flags INTERFACE -fsanitize=fuzzer-no-link)
  target_link_options(ephemeral_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# ephemeral_layer(NAME SOURCES file... [USES layer-or-library...])
function(ephemeral_layer name)
  cmake_parse_arguments(L "" "" "SOURCES;USES" ${ARGN})
  add_library(${name} STATIC ${L_SOURCES})
  target_link_libraries(${name} PUBLIC ephemeral_flags ${L_USES})
endfunction()

# ephemeral_program(NAME SOURCES file... [USES layer-or-library...])
function(ephemeral_program name)
  cmake_parse_arguments(P "" "" "SOURCES;USES" ${ARGN})
  add_executable(${name} ${P_SOURCES})
  target_link_libraries(${name} PRIVATE ephemeral_flags ${P_USES})
endfunction()
