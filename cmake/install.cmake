# One shared library of all components, their public headers, and what finds them: find_package(weft), pkg-config.
# Not for a build of the engine alone, nor one with sanitizers, which no program of others could load.
if(NOT WEFT_ONLY STREQUAL "all" OR WEFT_SANITIZE)
  return()
endif()
include(CMakePackageConfigHelpers)

get_property(components GLOBAL PROPERTY WEFT_COMPONENTS)
set(objects "")
set(libraries "")
set(header_list "")
foreach(component IN LISTS components)
  get_property(component_dir GLOBAL PROPERTY WEFT_DIR_${component})
  get_property(public_headers GLOBAL PROPERTY WEFT_PUBLIC_${component})
  get_property(top_headers GLOBAL PROPERTY WEFT_TOP_${component})
  get_property(component_libraries GLOBAL PROPERTY WEFT_LIBS_${component})
  get_property(spelt_in GLOBAL PROPERTY WEFT_SPELT_${component})
  get_property(alone GLOBAL PROPERTY WEFT_ALONE_${component})
  get_target_property(kind weft_${component} TYPE)
  if(NOT alone)
    if(kind STREQUAL "STATIC_LIBRARY")
      list(APPEND objects $<TARGET_OBJECTS:weft_${component}>)
    endif()
    list(APPEND libraries ${component_libraries})
  endif()
  foreach(header IN LISTS public_headers)
    cmake_path(GET header PARENT_PATH below)
    install(FILES ${PROJECT_SOURCE_DIR}/${component_dir}/${header}
            DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft/${spelt_in}/${below} COMPONENT development)
    string(APPEND header_list "weft/${spelt_in}/${header}\n")
  endforeach()
  foreach(header IN LISTS top_headers)
    install(FILES ${PROJECT_SOURCE_DIR}/${component_dir}/${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/weft
            COMPONENT development)
    cmake_path(GET header FILENAME spelt)
    string(APPEND header_list "weft/${spelt}\n")
  endforeach()
endforeach()
list(REMOVE_DUPLICATES libraries)
# What tests/install/headers_test.py compiles, each alone.
file(WRITE ${PROJECT_BINARY_DIR}/public_headers.list "${header_list}")

add_library(weft SHARED ${objects})
add_library(weft::weft ALIAS weft)
set_target_properties(weft PROPERTIES LINKER_LANGUAGE CXX VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
target_compile_features(weft INTERFACE cxx_std_23)
target_include_directories(weft INTERFACE $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(weft PRIVATE ${libraries} Threads::Threads)
target_link_options(weft PRIVATE LINKER:--no-undefined LINKER:--version-script=${PROJECT_SOURCE_DIR}/nodes/c/weft.map)
set_target_properties(weft PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/nodes/c/weft.map)

# The libfabric library alone, for programs that want no more: base and fabric, which need nothing but fmt. It shares no
# state with libweft, and a program may load both.
get_property(fabric_libraries GLOBAL PROPERTY WEFT_LIBS_fabric)
add_library(weft_fabric_alone SHARED $<TARGET_OBJECTS:weft_base> $<TARGET_OBJECTS:weft_fabric>)
add_library(weft::fabric ALIAS weft_fabric_alone)
set_target_properties(weft_fabric_alone PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME weft-fabric EXPORT_NAME fabric
                      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
target_compile_features(weft_fabric_alone INTERFACE cxx_std_23)
target_include_directories(weft_fabric_alone INTERFACE $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
                           $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
target_link_libraries(weft_fabric_alone PRIVATE ${fabric_libraries} Threads::Threads)
target_link_options(weft_fabric_alone PRIVATE LINKER:--no-undefined)

# The typed handles of a node's actors: above libweft, and alone in asking for CAF's headers. Exported by itself, so that
# find_package finds the rest where there is no CAF.
add_library(weft_actors_alone SHARED $<TARGET_OBJECTS:weft_handles>)
add_library(weft::actors ALIAS weft_actors_alone)
set_target_properties(weft_actors_alone PROPERTIES LINKER_LANGUAGE CXX OUTPUT_NAME weft-actors EXPORT_NAME actors
                      VERSION ${PROJECT_VERSION} SOVERSION ${PROJECT_VERSION_MAJOR}
                      LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
target_link_libraries(weft_actors_alone PUBLIC weft weft::caf PRIVATE Threads::Threads)
target_link_options(weft_actors_alone PRIVATE LINKER:--no-undefined)

install(TARGETS weft weft_fabric_alone EXPORT weft LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(TARGETS weft_actors_alone EXPORT weft_actors LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT weft_actors NAMESPACE weft:: FILE weftActorsTargets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
install(EXPORT weft NAMESPACE weft:: FILE weftTargets.cmake DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/weftConfig.cmake.in ${PROJECT_BINARY_DIR}/weftConfig.cmake
                              INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
# Before 1.0 a minor version may break.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/weftConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/weftConfig.cmake ${PROJECT_BINARY_DIR}/weftConfigVersion.cmake
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/weft)
file(RELATIVE_PATH WEFT_PC_TO_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" WEFT_PC_TO_PREFIX ${WEFT_PC_TO_PREFIX})
configure_file(${PROJECT_SOURCE_DIR}/cmake/weft.pc.in ${PROJECT_BINARY_DIR}/weft.pc @ONLY)
configure_file(${PROJECT_SOURCE_DIR}/cmake/weft-fabric.pc.in ${PROJECT_BINARY_DIR}/weft-fabric.pc @ONLY)
configure_file(${PROJECT_SOURCE_DIR}/cmake/weft-actors.pc.in ${PROJECT_BINARY_DIR}/weft-actors.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/weft.pc ${PROJECT_BINARY_DIR}/weft-fabric.pc ${PROJECT_BINARY_DIR}/weft-actors.pc
        DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET weft_cli)
  install(TARGETS weft_cli RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
