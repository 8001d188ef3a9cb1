# Which SPIR-V modules are built from which source. One kernel keeps one name everywhere:
# shaders/conv_*.comp, engine/ops/conv.c, engine/ref/conv.c, tests/engine/ops/conv_test.c.
foreach(sg 4 8 16)
  cubby_shader(conv_lane${sg} conv_lane.comp SG=${sg})
  cubby_shader(conv_row_lane${sg} conv_lane.comp SG=${sg} ROW=7)
endforeach()
cubby_shader(conv_tile conv_tile.comp)
foreach(kernel normalize max_pool global_pool unpack softmax)
  cubby_shader(${kernel}_lane ${kernel}.comp LANE)
  cubby_shader(${kernel}_tile ${kernel}.comp)
endforeach()
