#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Thrift's compact protocol, in which Parquet writes its headers and its footer
/// (https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md).
namespace footfall::parquet::thrift {

enum class Wire : std::uint8_t {
    kStop = 0,
    kTrue = 1,
    kFalse = 2,
    kByte = 3,
    kI16 = 4,
    kI32 = 5,
    kI64 = 6,
    kDouble = 7,
    kBinary = 8,
    kList = 9,
    kSet = 10,
    kMap = 11,
    kStruct = 12,
};

/// Writes structs field by field, in the order of their ids.
class Writer {
public:
    explicit Writer(std::string& out) : out_(out) { last_.push_back(0); }

    void i8(int id, std::int8_t value);
    void i32(int id, std::int32_t value);
    void i64(int id, std::int64_t value);
    void boolean(int id, bool value);
    void binary(int id, std::string_view value);
    void begin_struct(int id);
    /// A struct that is an element of a list, or the outermost one's end.
    void begin_element() { last_.push_back(0); }
    void end_struct();
    void begin_list(int id, Wire element, std::size_t size);
    // Elements of lists.
    void element(std::int32_t value);
    void element(std::string_view value);

private:
    void field(int id, Wire type);
    std::string& out_;
    std::vector<int> last_;
};

/// Reads what is asked for and passes over the rest. After the first thing that is not as it should be every call gives
/// nothing, and ok() says so.
class Reader {
public:
    explicit Reader(std::string_view in) : in_(in) {}

    bool ok() const { return ok_; }
    std::string_view rest() const { return in_; }
    void fail() { ok_ = false; }

    struct Field {
        int id = 0;
        Wire type = Wire::kStop;
    };
    /// The struct's next field; nothing at its end. `last` is the id before it, 0 at first.
    std::optional<Field> next(int last);
    std::int64_t integer(Field field);
    bool boolean(Field field);
    std::string_view binary(Field field);
    /// Size of a list of such elements.
    std::size_t list(Field field, Wire element);
    std::int64_t integer_element();
    std::string_view binary_element();
    void skip(Wire type) { skip(type, 0); }

private:
    void skip(Wire type, int depth);
    std::uint64_t varint();
    std::int64_t zigzag();
    std::uint8_t byte();
    std::string_view in_;
    bool ok_ = true;
};

/// Calls `on_field(field)` for each field of the struct that begins here; it reads the field, or skips it.
template <class OnField>
void read_struct(Reader& reader, const OnField& on_field) {
    int last = 0;
    while (const auto field = reader.next(last)) {
        last = field->id;
        on_field(*field);
        if (!reader.ok()) return;
    }
}

}  // namespace footfall::parquet::thrift
