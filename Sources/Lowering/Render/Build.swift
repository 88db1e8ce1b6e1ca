internal import KubernetesModel

// Objects are built by these few functions, so that a renderer reads like the object it makes. Each makes one array and
// no dictionary: thousands of objects are rendered per plan.

func object(_ entries: Fields.Entry...) -> Value { .object(Fields(entries)) }

func record(_ key: String, _ entries: Fields.Entry...) -> Fields.Entry {
  Fields.Entry(key: key, value: .object(Fields(entries)))
}

func field(_ key: String, _ value: Value) -> Fields.Entry { Fields.Entry(key: key, value: value) }
func text(_ key: String, _ value: String) -> Fields.Entry { Fields.Entry(key: key, value: .string(value)) }
func number(_ key: String, _ value: Int) -> Fields.Entry { Fields.Entry(key: key, value: .int(value)) }
func list(_ key: String, _ values: [Value]) -> Fields.Entry { Fields.Entry(key: key, value: .array(values)) }
