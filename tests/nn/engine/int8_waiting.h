#ifndef HALFTONE_TESTS_NN_ENGINE_INT8_WAITING_H_
#define HALFTONE_TESTS_NN_ENGINE_INT8_WAITING_H_

#include "gtest/gtest.h"

namespace halftone {

// A suite some of whose tests wait for plans that compute right without VNNI: there oneDNN adds
// two products of bytes in 16 bits, which saturate. On such a processor, and only there, the tests
// that the table in int8_waiting.cc names are skipped.
class WaitsForExactInt8 : public ::testing::Test {
 protected:
  void SetUp() override;
};

}  // namespace halftone

#endif  // HALFTONE_TESTS_NN_ENGINE_INT8_WAITING_H_
